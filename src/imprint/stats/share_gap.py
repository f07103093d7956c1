"""The gap between two shares of independent sets of examples, with its interval."""

from __future__ import annotations

import math

from imprint.stats.estimate import Estimate
from imprint.stats.proportion import wilson


def share_gap(first: tuple[int, int], second: tuple[int, int]) -> Estimate:
    """Return the first share less the second, of different examples.

    The distances of both shares to their Wilson limits add in squares (Newcombe 1998, "Interval
    estimation for the difference between independent proportions", method 10).

    >>> gap = share_gap((56, 70), (48, 80))
    >>> round(gap.value, 4), [round(end, 4) for end in gap.ci95], gap.n
    (0.2, [0.0524, 0.3339], 150)

    Args:
        first: successes and examples of the one set.
        second: likewise of the other.

    Raises:
        ImprintError: not 0 ≤ successes ≤ examples with at least one example.
    """
    (low_1, high_1), (low_2, high_2) = wilson(*first), wilson(*second)
    share_1, share_2 = first[0] / first[1], second[0] / second[1]
    gap = share_1 - share_2
    interval = (
        gap - math.hypot(share_1 - low_1, high_2 - share_2),
        gap + math.hypot(high_1 - share_1, share_2 - low_2),
    )
    return Estimate(gap, interval, first[1] + second[1])
