"""Proportions, and pairs of proportions on the same examples."""

from __future__ import annotations

import math

from scipy.special import bdtr, betaincinv, ndtri

from imprint.core.errors import ImprintError
from imprint.stats.estimate import Estimate

FEW_EVENTS = 10
"""Successes, or failures, below which a bootstrap of a share is too narrow."""


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
    return wilson_share(successes / count, count, confidence)


def wilson_share(share: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share of ``count`` examples, which need not be whole."""
    z = float(ndtri((1 + confidence) / 2))
    centre = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = 0.0 if share == 0 else (centre - reach) / scale
    high = 1.0 if share == 1 else (centre + reach) / scale
    return low, high


def proportion(successes: int, count: int) -> Estimate:
    """Return a proportion with its Clopper–Pearson interval."""
    interval = clopper_pearson(successes, count)
    return Estimate(successes / count, interval, count)


def widen_rare_share(
    interval: tuple[float, float], share: float, count: float
) -> tuple[float, float]:
    """Return the interval of a share, widened where few examples decide it.

    A bootstrap repeats what the sample holds. With a handful of successes or of failures it is too
    narrow, and of no width at all where there is none: of 6 to 120 images, 95 % intervals of rare
    categories covered between 6 and 90 %. With fewer than ``FEW_EVENTS`` of either the interval
    holds that of Clopper and Pearson as well, which covers at least 95 %.

    >>> [round(end, 4) for end in widen_rare_share((0.0, 0.0), 0.0, 10)]
    [0.0, 0.3085]

    Args:
        interval: of a bootstrap.
        share: in [0, 1].
        count: examples behind it; of a mean of shares the number that has its variance.
    """
    if min(share, 1 - share) * count >= FEW_EVENTS:
        return interval
    hits = share * count
    low = float(betaincinv(hits, count - hits + 1, 0.025)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, count - hits, 0.975)) if hits < count else 1.0
    return min(interval[0], low), max(interval[1], high)


def widen_rare_difference(
    interval: tuple[float, float], first: float, second: float, counts: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval of ``first − second``, widened where few examples decide either share.

    The distances of both shares to their limits by :func:`widen_rare_share` add in squares, as of
    independent shares (Newcombe 1998, method 10): too wide where the two go together.

    Args:
        interval: of a bootstrap.
        first: share in [0, 1].
        second: likewise.
        counts: examples behind each.
    """
    rare = [
        min(share, 1 - share) * count < FEW_EVENTS
        for share, count in zip((first, second), counts, strict=True)
    ]
    if not any(rare):
        return interval
    (low_1, high_1), (low_2, high_2) = (
        widen_rare_share(wilson_share(share, count), share, count)
        for share, count in zip((first, second), counts, strict=True)
    )
    gap = first - second
    return (
        min(interval[0], gap - math.hypot(first - low_1, high_2 - second)),
        max(interval[1], gap + math.hypot(high_1 - first, second - low_2)),
    )


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
        raise ImprintError(f"successes must be from 0 to {count}, got {successes}")
    if not 0 < confidence < 1:
        raise ImprintError(f"confidence {confidence:g} must lie in (0, 1)")
