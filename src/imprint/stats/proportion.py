"""Proportions, and pairs of proportions on the same examples."""

from __future__ import annotations

import math

from scipy.special import bdtr, betaincinv, ndtri

from imprint.errors import ImprintError
from imprint.stats.estimate import Estimate


def clopper_pearson(successes: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of Clopper and Pearson (1934).

    Its coverage is at least ``confidence`` whatever the true proportion.

    >>> [round(bound, 4) for bound in clopper_pearson(0, 10)]
    [0.0, 0.3085]

    Raises:
        ImprintError: not 0 ≤ successes ≤ count with count ≥ 1, or confidence outside (0, 1).
    """
    _check(successes, count, confidence)
    tail = (1 - confidence) / 2
    low = betaincinv(successes, count - successes + 1, tail) if successes > 0 else 0.0
    high = betaincinv(successes + 1, count - successes, 1 - tail) if successes < count else 1.0
    return float(low), float(high)


def wilson(successes: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of Wilson (1927): coverage near ``confidence`` on average.

    Raises:
        ImprintError: as :func:`clopper_pearson`.
    """
    _check(successes, count, confidence)
    z = float(ndtri((1 + confidence) / 2))
    share = successes / count
    centre = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = 0.0 if successes == 0 else (centre - reach) / scale
    high = 1.0 if successes == count else (centre + reach) / scale
    return low, high


def proportion(successes: int, count: int) -> Estimate:
    """Return a proportion with its Clopper–Pearson interval."""
    interval = clopper_pearson(successes, count)
    return Estimate(successes / count, interval, count)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (1947).

    Under the null an example on which two methods disagree is as likely to favour either, so
    ``only_first`` is binomial(``only_first + only_second``, ½). Without disagreement it is 1.

    >>> mcnemar(5, 0)
    0.0625

    Args:
        only_first: examples that the first method alone gets right.
        only_second: examples that the second method alone gets right.

    Raises:
        ImprintError: a count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise ImprintError(f"McNemar counts must not be negative: {only_first}, {only_second}")
    return min(1.0, 2 * float(bdtr(min(only_first, only_second), only_first + only_second, 0.5)))


def _check(successes: int, count: int, confidence: float) -> None:
    if count < 1 or not 0 <= successes <= count:
        raise ImprintError(f"a proportion of {successes} in {count} is none")
    if not 0 < confidence < 1:
        raise ImprintError(f"confidence {confidence:g} must lie in (0, 1)")
