"""Intervals of a number that was chosen as the best of several (Bonferroni)."""

from __future__ import annotations

from scipy.special import ndtri

from imprint.stats.estimate import Estimate


def widen_for_choices(estimate: Estimate, choices: int) -> Estimate:
    """Return an estimate with an interval of confidence 1 − 0.05 / ``choices``, about normally.

    >>> wider = widen_for_choices(Estimate(0.6, (0.5, 0.7), 100), 10)
    >>> round(wider.low, 3), round(wider.high, 3)
    (0.457, 0.743)
    """
    factor = float(ndtri(1 - 0.025 / max(1, choices)) / ndtri(0.975))
    low = estimate.value - factor * (estimate.value - estimate.low)
    high = estimate.value + factor * (estimate.high - estimate.value)
    return Estimate(estimate.value, (low, high), estimate.n)
