"""Leave-one-out influence: how far would predictions move without a record?

Arrays in, findings out::

    from imprint import leave_one_out

    fit = leave_one_out.fit(x, y, kernel="fc", noise=0.1)
    print(fit)                     # accuracy without each record, divergences, duplicates
    fit.divergences                # KL(out ‖ in) of every record in nats, float64 [n]
    fit.query(inputs).measures     # influence of every record on other predictions
    fit.plot()                     # divergences of all records

The model is a Gaussian process, by default the limit of a network of infinite width: it is fitted
once, and every model with a record less follows in closed form. *in* is the model with the record,
*out* the one without. A fit leaves out exact copies of a record with it; queries leave out each
record alone, and with its copies as a group.

- Your own model: ``fit(model=…, members=…)`` takes its features for the kernel, and
  :func:`influence` estimates from its gradients which members helped or harmed which tests.
- Models: :func:`kernels` lists kernels and :func:`kernel` makes one; :func:`fit` keeps the kernel
  matrix, :func:`fit_large` does not, and states its errors.
- From a fit: :meth:`Fit.query`, :meth:`Fit.leave_out` groups, :meth:`Fit.add` records,
  :meth:`Fit.among_records`, :meth:`Fit.optimise` the queries that best reveal a record and
  reconstruct it, :meth:`Fit.landscape` along lines through records, :meth:`Fit.noise_lines` from
  noise to records, :meth:`Fit.augment` under changes of images.
- :func:`sum_influence` sums a table of influence over queries, and by class.
- Ground truth: :func:`compare` estimates with networks retrained without single records,
  :func:`datamodeling_score` with networks retrained on subsets; :func:`compare_influence` compares
  tables of any origin with models that you retrained.
- Two Gaussian models alone: :func:`distinguishability`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.core.user_arrays import as_array, as_numbers
from imprint.data.records.records import Task
from imprint.lenses.leave_one_out.array_fit import array_fit
from imprint.lenses.leave_one_out.influence_quality_findings import Correlations
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.large.large_posterior import posterior_of
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions, Method
from imprint.lenses.leave_one_out.large_results import LargeFitResult
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import NoiseCriterion
from imprint.lenses.leave_one_out.own_results import OwnInfluence
from imprint.lenses.leave_one_out.page.influence_sums import class_figure, sum_table
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.influence_sums import sum_influence as influence_sums
from imprint.lenses.leave_one_out.posterior.targets import Outputs
from imprint.lenses.leave_one_out.quality_results import InfluenceComparison, compare_influence
from imprint.lenses.leave_one_out.results import (
    AugmentationResult,
    Fit,
    InfluenceResult,
    LandscapeResult,
    NoiseLineResult,
    QueryResult,
    QuerySearch,
    make_options,
)
from imprint.lenses.leave_one_out.study import fitted
from imprint.lenses.leave_one_out.study.dense import leave_one_out
from imprint.lenses.leave_one_out.study.large import large_leave_one_out
from imprint.lenses.leave_one_out.study.own_records import fit_of, influence_of
from imprint.lenses.leave_one_out.target_options import TargetScaling
from imprint.lenses.leave_one_out.truth import ground_truth
from imprint.nets.predictor.predictor import OutputKind
from imprint.neurons.activation_function import register_own
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import fixed
from imprint.stats import Estimate
from imprint.study.option_types import AUTO

Noise = float | Literal["auto"]
"""A noise variance, or the one that the targets choose."""

__all__ = [
    "AugmentationResult",
    "Comparison",
    "Distinguishability",
    "Fit",
    "InfluenceComparison",
    "InfluenceResult",
    "InfluenceTotals",
    "LandscapeResult",
    "LargeFitResult",
    "NoiseLineResult",
    "OwnInfluence",
    "QueryResult",
    "QuerySearch",
    "compare",
    "compare_influence",
    "datamodeling_score",
    "distinguishability",
    "fit",
    "fit_large",
    "influence",
    "kernel",
    "kernels",
    "sum_influence",
]


def __dir__() -> list[str]:
    """Return the public names alone, which a prompt completes."""
    return sorted(__all__)


def kernels() -> dict[str, str]:
    """Return what each kernel is, by name.

    Examples:
        >>> kernels()["rbf"]
        'Similarity that falls with the distance.'
    """
    return {name: (KERNELS.get(name).__doc__ or "").partition("\n")[0] for name in KERNELS.names()}


def kernel(name: str, **options: Any) -> Kernel:
    """Return a kernel: the prior over functions under which records are fitted.

    Args:
        name: one of :func:`kernels`.
        options: its settings, such as ``depth=5`` or ``activation="tanh"`` of ``fc``. An activation
            may also be a function of your own, defined with ``def``, that maps each number of a
            float64 tensor by itself and that torch differentiates; it is known by its name in this
            process alone. ``kernel.expectation_error(kernel.prepare(x))`` bounds the error of its
            quadrature.

    Returns:
        A callable on tensors ``[n, ...]`` and ``[m, ...]`` that returns the covariance ``[n, m]``.

    Raises:
        ImprintError: an unknown kernel or option, or a value out of its range.

    Examples:
        >>> kernel("fc", depth=2)
        FullyConnected(activation='relu', w_std=1.4142135623730951, b_std=0.0, input_scale=1.0, \
depth=2, limit='nngp')
        >>> def bent(values):
        ...     return values + values.tanh()
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> kernel("fc", depth=1, activation=bent)(x)
        tensor([[5.2114, 0.0000],
                [0.0000, 5.2114]], dtype=torch.float64)
    """
    kind = KERNELS.get(name)
    if callable(options.get("activation")):
        options["activation"] = register_own(options["activation"])
    try:
        return kind(**options)
    except TypeError as error:
        raise ImprintError(f"kernel {name}: {str(error).partition('() ')[2]}") from None


def fit(
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    model: Any = None,
    members: Any = None,
    targets: Literal["classes", "values"] = "classes",
    target_scaling: TargetScaling = "standardised",
    kernel: str | Kernel | Callable[..., Any] = "fc",
    noise: Noise | Sequence[Noise] = 0.1,
    noise_by: NoiseCriterion = "density",
    noise_scale: Literal["profiled", "fixed"] = "profiled",
    outputs: Outputs = "classes",
    device: str = "cpu",
) -> Fit:
    """Fit records by a Gaussian process, and leave each of them out.

    Args:
        x: inputs, floats ``[n, ...]``, on the scale that networks see; of kernels of convolutions
            images ``[n, C, H, W]``; of the kernel ``given`` the kernel matrix ``[n, n]``.
        y: classes ``[n]``, or real values ``[n]`` or ``[n, c]``.
        model: instead of ``x`` and ``y``, a model of your own: its penultimate features, each with
            variance 1, are compared by the kernel rbf (of a model that is no PyTorch network, its
            inputs), whatever ``kernel`` says.
        members: records of that model, of any source that :func:`imprint.audit` takes; targets may
            be classes, labels of which several hold, or real values.
        targets: whether ``y`` holds ``classes`` or real ``values``.
        target_scaling: of real values: fitted with mean 0 and variance 1 an output
            (``standardised``), or ``raw``. Results are in their units either way.
        kernel: a name, a kernel from :func:`kernel`, or any function of two arrays ``[n, ...]`` and
            ``[m, ...]`` that returns the covariance ``[n, m]``, such as a kernel of scikit-learn.
        noise: variance of the noise on the targets, or ``"auto"`` for the one that the targets
            choose; of several the first is fitted, and all of them make the noise path.
        noise_by: what ``"auto"`` maximises: the leave-one-out log predictive ``density``, or the
            ``evidence``; ``findings.noise_selection`` has both.
        noise_scale: whether ``"auto"`` judges each variance at the best common factor of kernel
            and noise (``profiled``), or with the kernel as it is (``fixed``).
        outputs: one output per class, or the ``contrast`` of two classes, which halves divergences.
        device: where matrices are, ``cpu`` or ``cuda``.

    Returns:
        Values of every record, with 32 n² bytes kept for queries.

    Raises:
        ImprintError: arrays that do not fit, a noise that is not positive, or too many records for
            the memory.

    Examples:
        >>> x = np.array([[0.0, 1.0], [0.1, 1.0], [1.0, 0.0], [1.0, 0.1]])
        >>> fitted = fit(x, [0, 0, 1, 1], kernel="rbf", noise=0.1)
        >>> fitted.divergences.round(3).tolist()
        [0.319, 0.327, 0.319, 0.327]
        >>> fitted.findings.leave_one_out_accuracy.value
        1.0
    """
    function = None
    if model is not None:
        if x is not None or y is not None or members is None:
            raise ImprintError("give either x and y, or a model and its members")
        process = replace(_own_fit(model, members), noise_choice=_noises(noise))
    elif x is None or y is None:
        raise ImprintError("give x and y, or a model and its members")
    else:
        choice = _noises(noise), outputs, fitted.double_device(device)
        made = array_fit(x, y, kernel, *choice, targets, target_scaling)
        process, function = made.process, made.function
    process = replace(process, noise_by=noise_by, noise_scale=noise_scale)
    if noise_scale not in ("profiled", "fixed"):
        raise ImprintError(f"noise_scale must be profiled or fixed, got {noise_scale!r}")
    if noise_by not in get_args(NoiseCriterion):
        raise ImprintError(f"noise_by must be density or evidence, got {noise_by!r}")
    count, path = len(process.inputs.index), fitted.takes_spectrum(process.noise_choice)
    fitted.check_memory(count, path, process.device, "fit_large, ")
    with one_thread_a_sum():
        columns, findings = leave_one_out(process)
    return Fit(columns, findings, process, function)


def influence(
    model: Any,
    members: Any,
    tests: Any,
    *,
    estimators: str | Sequence[str] = ("gradient_dot", "ekfac"),
    checkpoints: Sequence[Any] = (),
    rates: Sequence[float] = (),
    damping: float = 1e-3,
    task: Task | None = None,
    output_kind: OutputKind | None = None,
    device: DeviceName = "cpu",
    seed: int = 0,
) -> OwnInfluence:
    """Estimate the influence of members on a network of your own.

    Gradients of single records are exact for any ``torch.nn.Module``; the network is left as it is.

    Args:
        model: a ``torch.nn.Module``, a folder of transformers, or a file of weights.
        members: records it was trained on, of any source that :func:`imprint.audit` takes.
        tests: records whose loss is asked about.
        estimators: names from ``imprint list estimators``, such as ``gradient_dot``,
            ``gradient_cosine``, ``tracin`` (with ``checkpoints``), ``ekfac``,
            ``influence_arnoldi``, ``influence_cg``, ``representer`` or ``trak``.
        checkpoints: the model at earlier steps, in order: state dictionaries, modules or files.
        rates: of each checkpoint, the sum of learning rates of the steps until the next.
        damping: added to the curvature by estimators that invert it.
        task: what the model does; None as the targets say.
        output_kind: what the model returns; None to find out.
        device: where the network runs.
        seed: of everything random.

    Raises:
        ImprintError: a model, records or estimator that cannot be used.

    Examples:
        >>> _ = torch.manual_seed(0)
        >>> network = torch.nn.Linear(3, 2)
        >>> x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
        >>> y = np.arange(20) % 2
        >>> result = influence(network, (x, y), (x[:4], y[:4]), estimators="gradient_dot")
        >>> result.on_tests["gradient_dot"].shape, result.on_itself["gradient_dot"].shape
        ((20, 4), (20,))
    """
    from imprint.core.device import choose_device
    from imprint.nets.predictor.predictor import ModelSettings
    from imprint.observation.checkpoints import open_checkpoints
    from imprint.observation.gather import RecordSettings, gather_audit

    audited = gather_audit(
        model,
        members,
        tests,
        settings=ModelSettings(kind=output_kind, device=choose_device(device)),
        records=RecordSettings(task=task),
    )
    way = open_checkpoints(audited.predictor, checkpoints, rates)
    names = (estimators,) if isinstance(estimators, str) else tuple(estimators)
    attributions, findings = influence_of(replace(audited, checkpoints=way), names, damping, seed)
    return OwnInfluence(
        {name: each.table.double().cpu().numpy() for name, each in attributions.items()},
        {
            name: each.own.double().cpu().numpy()
            for name, each in attributions.items()
            if each.own is not None
        },
        findings,
    )


def fit_large(
    x: ArrayLike,
    y: ArrayLike,
    *,
    kernel: str | Kernel = "fc",
    noise: float = 0.1,
    outputs: Outputs = "classes",
    device: str = "cpu",
    method: Method = "auto",
    **options: Any,
) -> LargeFitResult:
    """Leave each of many records out without keeping their kernel matrix.

    Args:
        x: as of :func:`fit`.
        y: likewise.
        kernel: likewise.
        noise: likewise.
        outputs: likewise.
        device: likewise.
        method: ``exact`` (float64, 4 n² bytes), ``hybrid`` (float32, 2 n²), ``out_of_core`` (on
            disk, with ``workspace``), ``nystrom`` (low rank), or ``auto``, the first that fits.
        options: further fields of
            :class:`~imprint.lenses.leave_one_out.large.memory_plan.LargeOptions`, such as
            ``memory``, ``workspace``, ``landmarks``, ``probes`` and ``seed``.

    Returns:
        Values of every record; ``findings.approximation`` states the method and its errors,
        measured on records whose values were computed exactly. Further inputs, groups and added
        records are solved for by its methods ``query``, ``leave_out`` and ``add``.

    Examples:
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> large = fit_large(x, np.arange(100) % 2, method="hybrid", sample=72)
        >>> bool(large.findings.approximation.relative_error["kl_out_in"].median.value < 1e-4)
        True
    """
    choice = _noises(noise), outputs, fitted.double_device(device)
    model = array_fit(x, y, kernel, *choice).process
    if fitted.takes_spectrum(model.noise_choice):
        raise ImprintError("noise must be one variance: choose it by fit, on fewer records")
    with one_thread_a_sum():
        choice = make_options(LargeOptions, {"method": method, **options})
        outcome = large_leave_one_out(model, choice)
        posterior = posterior_of(outcome.large, outcome.kept)
        return LargeFitResult(outcome.columns, outcome.findings, model, posterior)


@dataclass(frozen=True, eq=False)
class Distinguishability:
    """How well two Gaussian predictions are distinguished, float64 ``[n]`` each.

    Attributes:
        kl_out_in: KL(out ‖ in) in nats.
        kl_in_out: KL(in ‖ out) in nats.
        auc: area under the ROC curve of the best test, in [½, 1].
        tpr: true positive rate of that test at FPR ``fpr``.
    """

    kl_out_in: FloatArray
    kl_in_out: FloatArray
    auc: FloatArray
    tpr: FloatArray


def distinguishability(
    shift: ArrayLike, variance_in: ArrayLike, variance_out: ArrayLike, *, fpr: float = 1e-3
) -> Distinguishability:
    """Return how well the models with and without a record are distinguished by a prediction.

    Both predictions are Gaussian, with independent outputs of one variance; exact, not sampled.

    Args:
        shift: difference of the means, ``[n, c]``.
        variance_in: with the record, above 0, ``[n]``.
        variance_out: without it, above ``variance_in``, ``[n]``.
        fpr: false positive rate, positive meaning *in*.

    Raises:
        ImprintError: shapes that do not fit, or variances that do not rise without the record.

    Examples:
        >>> result = distinguishability([[0.5, -0.5]], [1.0], [2.0])
        >>> result.kl_out_in.round(4).tolist(), result.auc.round(4).tolist()
        ([0.5569], [0.716])
    """
    means = as_numbers(shift, "shift")
    within = as_numbers(variance_in, "variance_in")
    without = as_numbers(variance_out, "variance_out")
    if (
        means.ndim != 2
        or not means.shape[1]
        or within.shape != (len(means),)
        or without.shape != within.shape
    ):
        raise ImprintError(
            f"shift {list(means.shape)}, variance_in {list(within.shape)} and variance_out "
            f"{list(without.shape)} do not fit: give [n, c], [n] and [n]"
        )
    if not (np.isfinite(means).all() and (within > 0).all() and (without > within).all()):
        raise ImprintError("variance_out must be above variance_in, and that above 0, all finite")
    spread = torch.from_numpy(without / within - 1)[:, None]
    distance = torch.from_numpy((means**2).sum(1) / within)[:, None]
    directions = Directions(spread, distance / spread, means.shape[1])
    measures = {name: values.numpy() for name, values in directions.measures().items()}
    return Distinguishability(**measures, tpr=directions.tpr_at_fpr(fpr).numpy())


@dataclass(frozen=True)
class Comparison(Result):
    """Estimates of leave-one-out influence beside retrained networks.

    Attributes:
        difference: root of the mean squared shift of a logit at each removed record, ``[r]``.
        difference_error: standard error of its square.
        auc: of the attack that distinguishes networks with a record from those without, ``[r]``.
        auc_error: its standard error.
        correlations: of each estimate with ``difference``, or why there is none.
        ceiling: what a perfect estimate could reach.
    """

    difference: FloatArray
    difference_error: FloatArray
    auc: FloatArray
    auc_error: FloatArray
    correlations: Mapping[str, Correlations | Missing]
    ceiling: Estimate

    def tables(self) -> Sequence[Table]:
        """Return one row per estimate, and the noise ceiling."""
        columns = [Column("Estimate"), Column("Spearman", fixed(2)), Column("Pearson", fixed(2))]
        rows = [
            [name, *(each if isinstance(each, Missing) else getattr(each, kind) for kind in KINDS)]
            for name, each in self.correlations.items()
        ]
        title = "Correlation with retraining"
        return [Table(columns, [*rows, ["noise ceiling", None, self.ceiling]], title=title)]


KINDS = ("spearman", "pearson")


def compare(
    estimates: Mapping[str, ArrayLike],
    within: ArrayLike,
    without: ArrayLike,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare estimates of leave-one-out influence with retrained networks.

    Args:
        estimates: by name, larger where a record moves its own prediction more, ``[r]``.
        within: logits at each removed record of K networks trained with it, ``[r, K, c]``.
        without: of those trained without it, of the same starts in the same order.
        seed: of bootstraps and halves.

    Returns:
        Correlations over records with 95 % intervals, and the noise ceiling: what a perfect
        estimate could reach with so many networks.

    Raises:
        ImprintError: shapes that do not fit, or too few records or networks.

    Examples:
        >>> random = np.random.default_rng(0)
        >>> size = np.linspace(0, 3, 20)
        >>> start = random.normal(size=(20, 30, 2))
        >>> moved = start + size[:, None, None] + 0.1 * random.normal(size=start.shape)
        >>> comparison = compare({"size": size}, moved, start)
        >>> round(comparison.correlations["size"].spearman.value, 2)
        1.0
    """
    with_record, without_record = as_numbers(within, "within"), as_numbers(without, "without")
    difference = ground_truth.prediction_difference(with_record, without_record)
    auc = ground_truth.attack_auc(with_record, without_record)
    root = ground_truth.root_difference(with_record, without_record)
    measure = ground_truth.root_difference
    ceiling = ground_truth.noise_ceiling(
        with_record, without_record, measure, generator(seed, "ceiling")
    )
    correlations: dict[str, Correlations | Missing] = {}
    for name, values in estimates.items():
        try:
            random = generator(seed, "compare", name)
            correlations[name] = Correlations(**ground_truth.correlations(values, root, random))
        except ImprintError as error:
            correlations[name] = Missing(str(error))
    return Comparison(root, difference.error, auc.value, auc.error, correlations, ceiling)


def datamodeling_score(
    influence: ArrayLike, members: ArrayLike, outputs: ArrayLike, *, seed: int = 0
) -> Estimate:
    """Return the linear datamodeling score: do sums of influences rank retrained networks?

    Args:
        influence: larger where a record raises an output more, ``[n, q]``.
        members: bool ``[S, n]``, records of each subset that networks were trained on.
        outputs: of these networks at the queries, ``[S, q]``.
        seed: of the bootstrap over queries.

    Raises:
        ImprintError: shapes that do not fit, or too few subsets or queries.

    Examples:
        >>> members = np.random.default_rng(0).random((8, 5)) < 0.5
        >>> influence = np.arange(10.0).reshape(5, 2)
        >>> round(datamodeling_score(influence, members, members @ influence).value, 6)
        1.0
    """
    inside = as_numbers(members, "members") != 0
    random = generator(seed, "datamodeling")
    return ground_truth.datamodeling_score(
        as_numbers(influence, "influence"), inside, as_numbers(outputs, "outputs"), random
    )


@dataclass(frozen=True, eq=False)
class InfluenceTotals(Result):
    """Signed influence summed over queries; above 0, a record raises the right outputs.

    Attributes:
        by_record: sum over all queries, float64 ``[n]``.
        by_query_class: sum over the queries of each class, ``[n, c]``.
        findings: by class of query and of record, with intervals over queries.
    """

    by_record: FloatArray
    by_query_class: FloatArray
    findings: InfluenceSums

    def tables(self) -> Sequence[Table]:
        """Return the records that raise and lower the right outputs most."""
        return [sum_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return influence between classes."""
        return [class_figure(self.findings)]


def sum_influence(
    influence: ArrayLike, labels: ArrayLike, query_labels: ArrayLike
) -> InfluenceTotals:
    """Sum an influence table over queries, and by class.

    Args:
        influence: signed, above 0 where a record raises the output of the query's class or lowers
            its loss, ``[n, q]``.
        labels: classes of the records ``[n]``.
        query_labels: classes of the queries ``[q]``.

    Raises:
        ImprintError: shapes that do not fit.

    Examples:
        >>> totals = sum_influence([[1.0, 0.5], [-2.0, 0.0]], ["a", "b"], ["a", "b"])
        >>> totals.by_record.tolist(), totals.findings.matrix
        ([1.5, -2.0], ((1.0, -2.0), (0.5, 0.0)))
    """
    records, queries = as_array(labels, "labels"), as_array(query_labels, "query_labels")
    if records.ndim != 1 or queries.ndim != 1:
        raise ImprintError("labels and query_labels must be one class a record and a query")
    names = np.unique(np.concatenate([records.astype(str), queries.astype(str)]))
    columns, _, findings = influence_sums(
        as_numbers(influence, "influence"),
        np.searchsorted(names, records.astype(str)),
        np.searchsorted(names, queries.astype(str)),
        tuple(names.tolist()),
    )
    by_class = columns["influence_by_query_class"]
    return InfluenceTotals(columns["influence_sum"], by_class, findings)


def _noises(noise: Noise | Sequence[Noise]) -> tuple[Noise, ...]:
    if isinstance(noise, str):
        noise = (noise,)
    listed = list(noise) if isinstance(noise, (list, tuple)) else [noise]
    noises: list[Noise] = []
    for each in listed:
        if isinstance(each, str):
            if each != AUTO:
                raise ImprintError(f"noise must be a variance or 'auto', got {each!r}")
            noises.append(AUTO)
        else:
            noises += np.atleast_1d(as_numbers(each, "noise")).tolist()
    if not noises:
        raise ImprintError("noise is empty: give a variance, such as 0.1")
    for value in noises:
        if value != AUTO and not 0 < value < np.inf:
            raise ImprintError(f"noise must be a positive, finite variance, got {value:g}")
    return tuple(noises)


def _own_fit(model: Any, members: Any) -> fitted.GaussianFit:
    from imprint.observation.gather import gather_audit

    return fit_of(gather_audit(model, members, members))
