"""Findings of the statistics that normalise images, with and without a record."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.stats.estimate import Estimate


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
