"""Intervals of a number that was chosen from several."""

from __future__ import annotations

from scipy.special import ndtri

from imprint.stats.estimate import Estimate


def widened(shown: Estimate, choices: int) -> Estimate:
    """Return an estimate with the interval that holds for the best of some, about normally.

    >>> wider = widened(Estimate(0.6, (0.5, 0.7), 100), 10)
    >>> round(wider.low, 3), round(wider.high, 3)
    (0.457, 0.743)
    """
    factor = float(ndtri(1 - 0.025 / max(1, choices)) / ndtri(0.975))
    return Estimate(
        shown.value,
        (
            shown.value - factor * (shown.value - shown.low),
            shown.value + factor * (shown.high - shown.value),
        ),
        shown.n,
    )
