"""Findings for tests of the page."""

from __future__ import annotations

from imprint.lenses.dejavu.findings import MemorizationEstimates
from imprint.stats.estimate import Estimate

NOTHING = Estimate(0.0, (-0.1, 0.1), 90)


def plain(low: float, high: float, n: int = 90) -> Estimate:
    """Return an estimate in the middle of its interval."""
    return Estimate((low + high) / 2, (low, high), n)


def estimates(**changes: Estimate) -> MemorizationEstimates:
    """Return estimates of a test that are zero but for some."""
    names = MemorizationEstimates.__dataclass_fields__
    return MemorizationEstimates(**{**dict.fromkeys(names, NOTHING), **changes})
