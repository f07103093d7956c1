"""The interval of a share of what two kinds of noise add, as figures draw it."""

from __future__ import annotations

from imprint.stats.estimate import Estimate


def share_interval(share: Estimate) -> Estimate:
    """Return a share whose interval is cut to the values that it can have, from -1 to 1.

    >>> share_interval(Estimate(0.5, (-3.0, 0.75), 20)).ci95
    (-1.0, 0.75)
    """
    return Estimate(share.value, (max(-1.0, share.low), min(1.0, share.high)), share.n)
