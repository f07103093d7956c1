"""Differences of two proportions on the same examples, of many small groups at once.

Of n examples, x favour the first method alone and y the second alone. With x and y raised by one
and n by two, the difference is (x − y) / (n + 2) and its variance that of the raised shares; the
interval is normal around it (Bonett and Price, "Adjusted Wald confidence interval for a difference
of binomial proportions based on paired data", Journal of Educational and Behavioral Statistics
2012). It has a width where no example favours either, covers close to its level from n = 10 on
and at least that below, and is a formula, so that a thousand groups cost nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import binom

from imprint.core.arrays import FloatArray, IntArray
from imprint.stats.proportion import FEW_EVENTS


def paired_difference_intervals(
    first_alone: IntArray, second_alone: IntArray, count: IntArray, confidence: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of (first_alone − second_alone) / count, ``[g]`` each, within [−1, 1].

    >>> low, high = paired_difference_intervals(np.array([5]), np.array([0]), np.array([20]))
    >>> [round(float(end[0]), 3) for end in (low, high)]
    [0.012, 0.443]

    Args:
        first_alone: int64 ``[g]``, examples of each group that favour the first method alone.
        second_alone: int64 ``[g]``, those that favour the second alone.
        count: int64 ``[g]``, examples of each group; NaN limits where there is none.
        confidence: of each interval by itself.
    """
    centre, error = adjusted_difference(first_alone, second_alone, count)
    reach = float(ndtri((1 + confidence) / 2)) * error
    empty = np.asarray(count) == 0
    low, high = np.clip(centre - reach, -1, 1), np.clip(centre + reach, -1, 1)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def adjusted_difference(
    first_alone: IntArray, second_alone: IntArray, count: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the raised difference and its standard error, ``[g]`` each; see the module."""
    raised = np.asarray(count) + 2
    first, second = ((np.asarray(each) + 1) / raised for each in (first_alone, second_alone))
    centre = first - second
    return centre, np.sqrt((first + second - centre**2) / raised)


def widen_rare_pairs(interval: tuple[float, float], differences: FloatArray) -> tuple[float, float]:
    """Return the interval of a mean of paired differences, widened where few of them decide it.

    A bootstrap repeats what the sample holds: where one of 50 pairs differs it covers 63 %, and it
    has no width where none does; likewise where one of 50 is not 1, and all others are. With
    squares, of the differences or of their distances to 1 or to −1, that sum to less than
    ``FEW_EVENTS``, the interval holds the one above as well: of the differences and two more, 1
    and −1.

    >>> low, high = widen_rare_pairs((0.0, 0.0), np.zeros(50))
    >>> round(low, 3), round(high, 3)
    (-0.053, 0.053)

    Args:
        interval: of a bootstrap.
        differences: float64 ``[n]`` in [−1, 1], of two shares on each example.
    """
    squares = float(np.square(differences).sum())
    to_ends = [float(np.square(differences - end).sum()) for end in (-1, 1)]
    if min(squares, *to_ends) >= FEW_EVENTS:
        return interval
    raised = len(differences) + 2
    centre = float(differences.sum()) / raised
    reach = float(ndtri(0.975)) * float(np.sqrt(((squares + 2) / raised - centre**2) / raised))
    return min(interval[0], max(-1.0, centre - reach)), max(interval[1], min(1.0, centre + reach))


def mcnemar_p_values(first_alone: IntArray, second_alone: IntArray) -> FloatArray:
    """Return the two-sided p-value of McNemar's exact test of each group, ``[g]``."""
    both = np.asarray(first_alone) + np.asarray(second_alone)
    tail = binom.cdf(np.minimum(first_alone, second_alone), both, 0.5)
    return np.asarray(np.minimum(1.0, 2 * tail))


def chance_of_exclusion(discordant: IntArray, count: IntArray) -> FloatArray:
    """Return how likely the interval of each group lies above 0 where there is no difference.

    A group's examples that favour either method are taken as they are, and each of them is as
    likely to favour the first: exact, by the binomial distribution. As likely it lies below.

    Args:
        discordant: int64 ``[g]``, examples that favour one method alone.
        count: int64 ``[g]``, all examples.
    """
    chances = np.zeros(len(discordant))
    for row, (either, size) in enumerate(zip(discordant.tolist(), count.tolist(), strict=True)):
        first = np.arange(either + 1)
        sizes = np.full(either + 1, size)
        above = paired_difference_intervals(first, either - first, sizes)[0] > 0
        chances[row] = float(binom.pmf(first, either, 0.5)[above].sum())
    return chances
