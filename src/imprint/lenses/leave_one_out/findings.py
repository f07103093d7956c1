"""Findings of the leave-one-out lens, as they stand in ``findings.json`` and ``summary.json``.

Divergences are in nats; intervals are over records, exact copies counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums
from imprint.lenses.leave_one_out.noise_findings import NoiseSelection
from imprint.lenses.leave_one_out.options import SearchChoice, TargetKind
from imprint.lenses.leave_one_out.solve_accuracy import SolveAccuracy
from imprint.stats.estimate import Estimate

Ints = tuple[int, ...]
Floats = tuple[float, ...]
Names = tuple[str, ...]
KernelSettings = Mapping[str, str | int | float]
"""Name and every option of a kernel."""


@dataclass(frozen=True)
class FittedData:
    """What was fitted.

    Attributes:
        name: of the set of images, or of the file of arrays.
        classes: how many occur.
        class_names: their names.
        records: how many records were fitted.
        images: in the whole set; None for arrays.
        queries: further images that networks are queried with; None without.
        axes: of arrays of images, in words; None for rows of numbers.
        fingerprint: of the set of images; None for arrays.
    """

    name: str
    classes: int
    class_names: Names
    records: int
    images: int | None = None
    queries: int | None = None
    axes: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True)
class DistinguishableShare(Estimate):
    """The share of records whose AUC is at least ``auc``."""

    auc: float


@dataclass(frozen=True)
class GivenAwayShare(Estimate):
    """The share of records whose true positive rate at ``fpr`` is at least ``tpr``."""

    tpr: float
    fpr: float


@dataclass(frozen=True)
class LargestValue:
    """The largest value of a measure, and the record that has it."""

    value: float
    index: int


@dataclass(frozen=True)
class MeasureSummary:
    """One measure over all records."""

    median: Estimate
    most: LargestValue


@dataclass(frozen=True)
class ValueRange:
    """The smallest and the largest of some values."""

    least: float
    most: float


@dataclass(frozen=True)
class DuplicateGroups:
    """Groups of records that count as the same.

    Attributes:
        groups: of two or more records.
        records: in all of them.
        conflicting: groups whose records have different labels.
        first: indices of the records of the first groups.
        disputed: likewise of the first conflicting groups.
    """

    groups: int
    records: int
    conflicting: int
    first: tuple[Ints, ...]
    disputed: tuple[Ints, ...]


@dataclass(frozen=True)
class NearCopies(DuplicateGroups):
    """Groups of near copies; ``distance`` is in lengths of the longer one, under the kernel."""

    distance: float


@dataclass(frozen=True)
class Duplicates:
    """Exact copies, near copies, and records that are the same to the kernel up to a factor."""

    exact: DuplicateGroups
    near: NearCopies | Missing
    collinear: DuplicateGroups | Missing


@dataclass(frozen=True)
class NoisePath:
    """Values at each noise variance, in the order of the options.

    Of classes there is an accuracy, of real values an ``explained_variance``.
    """

    index: Ints
    noise: Floats
    effective_degrees_of_freedom: Floats
    kl_low: Floats
    kl_median: Floats
    kl_high: Floats
    kl_most: Floats
    memorization_median: Floats
    leave_one_out_accuracy: Floats | None = None
    explained_variance: Floats | None = None


@dataclass(frozen=True)
class RelativeError:
    """|approximate − exact| / exact over all records, from a random sample of them.

    Attributes:
        median: over the records.
        quantile95: the error of 19 of 20 records is smaller.
        bias: mean of (approximate − exact) / exact over the sample, signed.
    """

    median: Estimate
    quantile95: Estimate
    bias: float


@dataclass(frozen=True)
class CheckedExtremes:
    """Named records whose values are exact, and how many others may exceed the largest."""

    exact: Ints
    possible: int


@dataclass(frozen=True, kw_only=True)
class Approximation:
    """The method of a large fit and its measured errors.

    Attributes:
        method: that was used.
        relative_error: by measure.
        weights_error_at_most: bound on ‖α − α*‖ / ‖α‖.
        effective_degrees_of_freedom: Σ h.
        passes: over the kernel matrix.
        checked: how many sampled records the errors come from.
        leverage_error: median standard error of a leverage from random signs; None without.
        extremes: of nystrom; None where all values are exact enough.
    """

    method: str
    relative_error: Mapping[str, RelativeError]
    weights_error_at_most: float
    effective_degrees_of_freedom: float
    passes: int
    checked: int
    leverage_error: float | None = None
    extremes: CheckedExtremes | None


@dataclass(frozen=True)
class StrongestRecords:
    """The record whose absence shows most in each query, and its KL(out ‖ in) there."""

    index: Ints
    kl_out_in: Floats


@dataclass(frozen=True)
class InfluentialRecords:
    """Records that move the output of a query's class most one way, and by how much."""

    index: Ints
    influence: Floats


@dataclass(frozen=True)
class QueryFindings:
    """Queries of every model with one record less.

    Attributes:
        queries: how many.
        measures: names of the arrays written.
        most: by query.
        labels: classes of the queries; None where they are not known.
        influential: by query, the records that ``raise`` and ``lower`` the output of its class.
        sums: of influence over queries, by class; None where their classes are not known.
        accuracy: of methods other than dense.
        targets: ``values`` where ``labels`` are real values, and ``influential`` records draw the
            prediction to them or away; None for classes.
    """

    queries: int
    measures: Names
    most: StrongestRecords
    labels: Names | None = None
    influential: tuple[Mapping[str, InfluentialRecords], ...] | None = None
    sums: InfluenceSums | None = None
    accuracy: SolveAccuracy | None = None
    targets: TargetKind | None = None


@dataclass(frozen=True)
class GroupRow:
    """What leaving out a group does to the predictions for its own records.

    Divergences and AUC are of all of them jointly; the rest are means over the records. Of classes
    there is ``accuracy_out``, of real values ``error_out``, the root of the mean squared residual.
    """

    group: str
    records: int
    kl_out_in: float
    kl_in_out: float
    auc: float
    mean_distance: float
    memorization: float
    accuracy_out: float | None = None
    error_out: float | None = None


@dataclass(frozen=True)
class GroupFindings:
    """Groups left out together; ``queries`` and ``measures`` are None without queries."""

    groups: int
    first: tuple[GroupRow, ...]
    queries: int | None = None
    measures: Names | None = None
    accuracy: SolveAccuracy | None = None


@dataclass(frozen=True)
class AddedRecord:
    """What adding a record does to the prediction for it."""

    index: int
    label: str
    prediction_out: str
    kl_out_in: float
    auc: float
    memorization: float


@dataclass(frozen=True)
class AdditionFindings:
    """Records added one at a time; ``queries`` and ``measures`` are None without queries.

    ``targets`` is ``values`` where labels and predictions are real values.
    """

    additions: int
    first: tuple[AddedRecord, ...]
    queries: int | None = None
    measures: Names | None = None
    accuracy: SolveAccuracy | None = None
    targets: TargetKind | None = None


@dataclass(frozen=True)
class RecordPair:
    """A record left out, the record that is queried, and KL(out ‖ in) there."""

    removed: int
    query: int
    kl_out_in: float


@dataclass(frozen=True)
class RecordPairFindings:
    """Records as queries of one another; ``most`` are the pairs of the largest divergence.

    ``sums`` are of influence on other records, by class.
    """

    records: int
    measures: Names
    most: tuple[RecordPair, ...]
    sums: InfluenceSums | None = None


@dataclass(frozen=True, kw_only=True)
class QueryStudyFindings:
    """What a fit was queried with; None where it was not."""

    queries: QueryFindings | Missing | None = None
    groups: GroupFindings | None = None
    additions: AdditionFindings | None = None
    among_records: RecordPairFindings | None = None


@dataclass(frozen=True, kw_only=True)
class FitFindings(QueryStudyFindings):
    """A fit as a whole, over distinct records.

    Attributes:
        kernel: its settings.
        noise: the variance that was fitted.
        classes: their names.
        records: how many; ``distinct`` of them without exact copies.
        distinct: see ``records``.
        outputs: columns of the targets.
        effective_degrees_of_freedom: Σ h, from 0 to ``records``.
        leave_one_out_accuracy: share of records whose class is predicted without them.
        distinguishable: share of records that an observer distinguishes well.
        given_away: share of records that their own prediction gives away.
        kl_out_in, kl_in_out: divergences of the models without and with a record at the record.
        mean_distance: half the mean squared shift of the outputs there.
        memorization: by how much the output of the record's class rises with it.
        auc: of the best test between the two models.
        tpr: true positive rate of that test at the false positive rate of ``given_away``.
        leverage: its range.
        duplicates: by kind.
        inverse_residual: ‖AR − I‖ / ‖I‖ of a dense fit.
        approximation: of other methods.
        noise_path: of several noise variances.
        inputs: what the kernel compares, in words; None where it is the records themselves.
        targets: ``labels`` or ``values``; None for classes.
        explained_variance: share of the variance of real values that is predicted without each
            record; below 0 where the mean predicts better.
        log_predictive_density: mean log density of a record's target in the model without it, in
            nats.
        log_evidence: log density of all targets under the prior, in nats.
        noise_selection: where the data chose the noise variance.
        kernel_error: bound of the error of expectations over units, as a share of the largest; of
            activations that go by quadrature, and with ``limit=ntk`` of their slopes.
    """

    kernel: KernelSettings
    noise: float
    classes: Names
    records: int
    distinct: int
    outputs: int
    effective_degrees_of_freedom: float
    leave_one_out_accuracy: Estimate | Missing
    distinguishable: DistinguishableShare
    given_away: GivenAwayShare
    kl_out_in: MeasureSummary
    kl_in_out: MeasureSummary
    mean_distance: MeasureSummary
    memorization: MeasureSummary
    auc: MeasureSummary
    tpr: MeasureSummary
    leverage: ValueRange
    duplicates: Duplicates
    inverse_residual: float | None = None
    approximation: Approximation | None = None
    noise_path: NoisePath | None = None
    inputs: str | None = None
    targets: TargetKind | None = None
    explained_variance: Estimate | None = None
    log_predictive_density: Estimate | None = None
    log_evidence: float | Missing | None = None
    noise_selection: NoiseSelection | None = None
    kernel_error: float | None = None


@dataclass(frozen=True)
class CertificateSummary:
    """Certificates of all searches."""

    median: Estimate
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class SearchFindings(SearchChoice):
    """What searches for revealing queries reached, and their options.

    Attributes:
        searches: how many.
        noise: variance of the fit.
        success: share of searches that reached the target share of the bound.
        identified: share of removed records at the smallest angle to the query.
        certificate: share of the bound.
        scaled_error: of the query after the best positive scaling, relative to the record.
        psnr: of pictures, in dB; None for arrays.
        pixel_correlation: of pictures; None for arrays or flat pictures.
        evaluations: mean number of evaluations per search.
    """

    searches: int
    noise: float
    success: Estimate
    identified: Estimate
    certificate: CertificateSummary
    scaled_error: Estimate
    psnr: Estimate | None = None
    pixel_correlation: Estimate | None = None
    evaluations: float


@dataclass(frozen=True)
class LineCurves:
    """Measures along a line, ``[t]`` each."""

    kl_out_in: Floats
    auc: Floats
    mean_distance: Floats


@dataclass(frozen=True)
class LineShares:
    """One number per measure."""

    kl_out_in: float
    auc: float
    mean_distance: float


@dataclass(frozen=True)
class LandscapeFindings:
    """Measures along lines through removed records, over their values at the record.

    Attributes:
        records: removed ones.
        lines: through each.
        noise: variance of the fit.
        steps: distances from the record, 0 among them.
        curves: medians over records by kind of line; of the AUC, what is above ½.
        most_above_the_record: the largest excess over the value at the record.
        peak_at_record: share of lines along which a measure is greatest at the record.
    """

    records: int
    lines: int
    noise: float
    steps: Floats
    curves: Mapping[str, LineCurves]
    most_above_the_record: LineShares
    peak_at_record: LineShares
