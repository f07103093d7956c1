"""The quantities of a déjà vu test at one cut by confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class MemorizationEstimates:
    """The test on the most confident p % of the images; shares and differences of shares.

    Attributes:
        score: target accuracy minus reference accuracy, each model on its own most confident p %.
        paired_score: memorized minus forgotten, on the p % the target is most confident of.
        target_accuracy: of the target on its most confident p %.
        memorized: share on which the target alone is right.
        forgotten: share on which the reference alone is right: the noise floor.
    """

    score: Estimate
    paired_score: Estimate
    target_accuracy: Estimate
    reference_accuracy: Estimate
    memorized: Estimate
    forgotten: Estimate
    correlated: Estimate
    unassociated: Estimate


ByPercent = Mapping[str, MemorizationEstimates]
