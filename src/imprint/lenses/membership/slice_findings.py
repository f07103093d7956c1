"""What one attack shows of parts of the records: classes, groups, right and wrong predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class SliceFinding:
    """One attack on the members and non-members of one slice; every interval is nominal, 95 %.

    Attributes:
        members: how many records of the slice are members.
        non_members: how many are not.
        auc: within the slice.
        tpr_at_fpr: within the slice, at thresholds of its own non-members, by FPR.
        balanced_accuracy: within the slice, of a threshold chosen on one half of it.
        exposed: share of the slice's members that the threshold of *all* non-members calls at the
            FPR of the findings; its interval holds the uncertainty of that threshold.
        above_chance: adjusted p-value of members scoring no higher than non-members of the slice
            (Mann and Whitney, one-sided).
        differs: adjusted p-value of an AUC that is that of all other records (two-sided).
    """

    members: int
    non_members: int
    auc: Estimate | Missing
    tpr_at_fpr: Mapping[str, Estimate | Missing]
    balanced_accuracy: Estimate | Missing
    exposed: Estimate | Missing
    above_chance: float | Missing
    differs: float | Missing

    @property
    def number_exposed(self) -> int | None:
        """How many members of the slice are exposed; None where it is not known."""
        if isinstance(self.exposed, Missing):
            return None
        return round(self.exposed.value * self.exposed.n)


@dataclass(frozen=True)
class SliceFindings:
    """One attack on every slice.

    Attributes:
        attack: its name.
        fpr: false positive rate at which members count as exposed; None where there are too few
            non-members for any.
        claims: how many p-values were adjusted together (Holm), so that with 95 % confidence none
            at or below 0.05 is false.
        groupings: slices by name, by what they share: ``class``, ``prediction``, a group column.
    """

    attack: str
    fpr: str | None
    claims: int
    groupings: Mapping[str, Mapping[str, SliceFinding]]
