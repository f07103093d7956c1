"""Findings of augmentations of removed records: as queries, and as near copies in the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.stats.estimate import Estimate

Ints = tuple[int, ...]


@dataclass(frozen=True)
class AugmentedQuery:
    """What queries of one kind reveal of the record that they are an augmentation of.

    Attributes:
        share: KL(out ‖ in) over that at the record itself, the bound; median over records of means
            over draws.
        auc: of the best test between the two models, likewise.
        most: largest share of any query.
    """

    share: Estimate
    auc: Estimate
    most: float


@dataclass(frozen=True)
class CopyCurve:
    """The record left out of data that hold copies of it, by number of copies; medians.

    Attributes:
        share: KL(out ‖ in) at the record over that without copies.
        auc: of the best test between the two models.
    """

    share: tuple[Estimate, ...]
    auc: tuple[Estimate, ...]


@dataclass(frozen=True)
class AugmentationFindings:
    """Augmentations of removed records.

    Attributes:
        records: removed ones.
        noise: variance of the fit.
        draws: queries of each kind per record.
        auc_at_record: of the best test at the record itself, median over records.
        kinds: by augmentation.
        copies: how many were added to both data sets, 0 first; empty for none.
        augmented: of augmented copies; None without copies.
        exact: likewise of exact copies, the strongest that a near copy can be.
    """

    records: int
    noise: float
    draws: int
    auc_at_record: Estimate
    kinds: Mapping[str, AugmentedQuery]
    copies: Ints = ()
    augmented: CopyCurve | None = None
    exact: CopyCurve | None = None
