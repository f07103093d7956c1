"""Option and findings of the statistics that normalise images, with and without a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked
from imprint.stats.estimate import Estimate


@dataclass(frozen=True, kw_only=True)
class NormalisationChoice(Checked):
    """Whether models with and without a record are normalised alike."""

    own_statistics: Annotated[int, Bounds(least=0)] = 0
    """Records, drawn at random, for which values are also computed with each model normalised by
    the mean and deviation of its own images (published: NORM=dependent), a fit more per record; 0
    for none."""


@dataclass(frozen=True)
class NormalisationFindings:
    """Leave-one-out values by which statistics normalise the images; medians over records.

    Attributes:
        records: left out one at a time; exact copies of them stay.
        noise: variance of the fit.
        kl_independent: KL(out ‖ in) where the images without the record normalise both models.
        kl_dependent: where each model's own images normalise it.
        difference: |dependent − independent| / independent.
        largest_difference: over the records.
        distance_difference: likewise of the mean distance.
        spearman: rank correlation of both over records; None below 3 records.
    """

    records: int
    noise: float
    kl_independent: Estimate
    kl_dependent: Estimate
    difference: Estimate
    largest_difference: float
    distance_difference: Estimate
    spearman: float | None
