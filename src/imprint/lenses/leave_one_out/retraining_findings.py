"""Findings of retraining, and of what is compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.brittleness_findings import BrittlenessFindings
from imprint.lenses.leave_one_out.findings import Floats
from imprint.lenses.leave_one_out.influence_quality_findings import (
    Correlations,
    InfluenceQualityFindings,
)
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class NoiseCeiling:
    """The correlations that a perfect estimate could reach."""

    difference: Correlations | Missing
    auc: Missing


@dataclass(frozen=True)
class NetworkAccuracy:
    """Accuracy of the networks trained on every record; ``queries`` is None without any."""

    records: Estimate
    queries: Estimate | None = None


@dataclass(frozen=True)
class RetrainingFindings:
    """What retraining without single records shows.

    Attributes:
        records: trained on.
        removed: records left out, one at a time.
        pairs: networks with, and without, each of them.
        networks: their settings.
        train: how they were trained.
        variances: prior variance of a typical record by layer.
        accuracy: of the networks.
        root_difference: root of the mean squared shift of a logit at the record.
        difference_error: median standard error of the squared shift of one record.
        auc: of the attack, mean over records.
        auc_error: median standard error of that of one record.
        ceiling: of correlations with these.
    """

    records: int
    removed: int
    pairs: int
    networks: Mapping[str, Any]
    train: Mapping[str, Any]
    variances: Floats
    accuracy: NetworkAccuracy
    root_difference: Estimate
    difference_error: float
    auc: Estimate
    auc_error: float
    ceiling: NoiseCeiling


@dataclass(frozen=True)
class WorkCost:
    """Time and memory; ``peak_bytes`` is None where the system does not say."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int | None


@dataclass(frozen=True)
class EstimatorRow(WorkCost):
    """One estimate of influence beside retraining.

    Attributes:
        facts: about the estimate, such as why it did not converge.
        difference: correlation with the root of the prediction difference.
        auc: with the AUC of the attack.
        datamodeling: linear datamodeling score.
    """

    facts: Mapping[str, Any]
    difference: Correlations | Missing
    auc: Correlations | Missing
    datamodeling: Estimate | Missing


@dataclass(frozen=True)
class ComparisonFindings:
    """Every estimate beside retraining.

    Attributes:
        estimators: by name.
        skipped: why there is none, by name.
        training: cost of the network that estimators from gradients start from; None without.
        device: where networks ran.
        queries: estimates, and the user's tables, beside the networks at held-out queries; None
            without queries.
    """

    estimators: Mapping[str, EstimatorRow]
    skipped: Mapping[str, str]
    training: WorkCost | None
    device: str
    queries: InfluenceQualityFindings | None = None


@dataclass(frozen=True)
class ComparedCurve:
    """A measure along lines of one kind, means over records, ``[t]`` each."""

    networks: Floats
    error: Floats | None
    closed_form: Floats


@dataclass(frozen=True)
class ComparedCurves:
    """A measure along random lines and towards the most similar record."""

    random: ComparedCurve
    neighbour: ComparedCurve


@dataclass(frozen=True)
class LineFindings:
    """Retrained networks along lines through the removed records, beside the closed form.

    Attributes:
        records: removed ones.
        lines: through each.
        noise: variance of the closed form.
        steps: distances from the record, 0 among them.
        curves: by measure.
        errors: median standard error at a single point, by measure.
    """

    records: int
    lines: int
    noise: float
    steps: Floats
    curves: Mapping[str, ComparedCurves | Missing]
    errors: Mapping[str, float]


@dataclass(frozen=True)
class TruthFindings:
    """Retraining, and what was compared with it."""

    retraining: RetrainingFindings
    comparison: ComparisonFindings | None = None
    lines: LineFindings | None = None
    brittleness: BrittlenessFindings | None = None
