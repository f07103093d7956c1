"""Findings about a noise variance that the data chose."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.options import NoiseCriterion
from imprint.stats.estimate import Estimate

Floats = tuple[float, ...]


@dataclass(frozen=True)
class CriterionMaximum:
    """Where a criterion is largest.

    Attributes:
        noise: the variance.
        log_evidence: there, in nats.
        log_predictive_density: there, mean of the distinct records, in nats.
        kernel_scale: the best common factor of kernel and noise there. Predictions do not depend
            on it; divergences and AUC do, and are those of a factor of 1.
        at_edge: whether the criterion is largest at an end of the searched range. At the lower end
            smaller variances are as good, and this is the largest of them.
    """

    noise: float
    kernel_scale: float
    log_evidence: float
    log_predictive_density: float
    at_edge: bool


@dataclass(frozen=True)
class CriterionCurve:
    """Both criteria at noise variances over the searched range, ``[m]`` each."""

    noise: Floats
    log_evidence: Floats
    log_predictive_density: Floats


@dataclass(frozen=True)
class NoiseRanking:
    """What the noise variance does to the ranking of the records.

    Attributes:
        noise: variances, ``[m]``, the fitted one first.
        chosen_by: ``density``, ``evidence`` or ``density and evidence`` where a criterion chose
            it; else empty.
        log_evidence: in nats.
        log_predictive_density: mean of the distinct records, in nats.
        kl_out_in: rank correlation of KL(out ‖ in) of the distinct records between any two.
        mean_distance: of the mean distance.
        with_fitted: the first row of ``kl_out_in`` with its intervals.
        distance_with_fitted: of ``mean_distance``.
    """

    noise: Floats
    chosen_by: tuple[str, ...]
    log_evidence: Floats
    log_predictive_density: Floats
    kl_out_in: tuple[Floats, ...]
    mean_distance: tuple[Floats, ...]
    with_fitted: tuple[Estimate | Missing, ...]
    distance_with_fitted: tuple[Estimate | Missing, ...]


@dataclass(frozen=True)
class NoiseSelection:
    """A noise variance chosen by the data.

    Attributes:
        criterion: whose choice is meant by auto.
        profiled: whether criteria are at the best common factor of kernel and noise.
        density: the choice by the leave-one-out log predictive density.
        evidence: the choice by the evidence.
        curve: of both criteria.
        ranking: of the records at the choices and the other variances.
    """

    criterion: NoiseCriterion
    profiled: bool
    density: CriterionMaximum
    evidence: CriterionMaximum
    curve: CriterionCurve
    ranking: NoiseRanking
