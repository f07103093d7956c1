"""Results of leave-one-out influence in Python: what ``imprint.leave_one_out`` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.array_fit import KernelFunction
from imprint.lenses.leave_one_out.augmentation_findings import AugmentationFindings
from imprint.lenses.leave_one_out.augmentation_options import AugmentationChoice
from imprint.lenses.leave_one_out.findings import (
    AdditionFindings,
    FitFindings,
    GroupFindings,
    LandscapeFindings,
    QueryFindings,
    RecordPairFindings,
    SearchFindings,
)
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.noise_line_findings import NoiseLineFindings
from imprint.lenses.leave_one_out.options import LineChoice, NoiseLineChoice, SearchChoice
from imprint.lenses.leave_one_out.page.augmentations import (
    augmentation_table,
    copy_figure,
    copy_table,
    query_figure,
)
from imprint.lenses.leave_one_out.page.fit import fit_table, path_table, target_name
from imprint.lenses.leave_one_out.page.fit_figures import fit_figures
from imprint.lenses.leave_one_out.page.influence_sums import class_figure, sum_table
from imprint.lenses.leave_one_out.page.noise_lines import noise_line_figure, noise_line_table
from imprint.lenses.leave_one_out.page.queries import (
    addition_table,
    group_table,
    pair_table,
    query_table,
)
from imprint.lenses.leave_one_out.page.search import (
    MEASURES,
    certificate_figure,
    landscape_table,
    line_figure,
    search_table,
)
from imprint.lenses.leave_one_out.posterior.influence_sums import sum_influence
from imprint.lenses.leave_one_out.posterior.summary import distinct_records
from imprint.lenses.leave_one_out.query_arguments import (
    check_inputs,
    queries_of,
    rows_of,
    rows_of_groups,
)
from imprint.lenses.leave_one_out.study.additions import add_records, fill_additions
from imprint.lenses.leave_one_out.study.augment import as_pictures, augment_records
from imprint.lenses.leave_one_out.study.conclude import MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.groups import fill_groups, leave_out_groups
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.landscape import compute_landscape
from imprint.lenses.leave_one_out.study.noise_lines import compute_noise_lines
from imprint.lenses.leave_one_out.study.queries import answer_queries, query_records
from imprint.lenses.leave_one_out.study.removals import Removals
from imprint.lenses.leave_one_out.study.search import search_findings, search_records
from imprint.report.marks import Figure
from imprint.report.result import Result
from imprint.report.table import Table


@dataclass(frozen=True, eq=False)
class InfluenceResult(Result):
    """Leave-one-out influence of every record.

    Attributes:
        columns: by name, ``[n]`` each, as ``records.parquet`` holds them.
        findings: with intervals, as ``summary.json`` holds them.
    """

    columns: Mapping[str, np.ndarray]
    findings: FitFindings

    @property
    def divergences(self) -> FloatArray:
        """KL(out ‖ in) of the prediction for each record, float64 ``[n]``, in nats."""
        return self.columns["kl_out_in"]

    @property
    def auc(self) -> FloatArray:
        """AUC of the best test between both models at each record, float64 ``[n]``."""
        return self.columns["auc"]

    @property
    def memorization(self) -> FloatArray:
        """By how much the output of each record's class rises with it, float64 ``[n]``."""
        return self.columns["memorization"]

    def tables(self) -> Sequence[Table]:
        """Return the headline numbers, and one row per noise variance."""
        path = [] if self.findings.noise_path is None else [path_table(self.findings)]
        return [fit_table(self.findings), *path]

    def figures(self) -> Sequence[Figure]:
        """Return divergences, what sets records apart, and the noise path."""
        records = distinct_records(dict(self.columns))
        return fit_figures(records, self.findings.noise_path, target_name(self.findings))


@dataclass(frozen=True, eq=False)
class Fit(InfluenceResult):
    """Leave-one-out influence of every record, and further queries of the fit."""

    _fit: GaussianFit
    _function: KernelFunction | None = None

    def query(
        self,
        queries: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        variances: ArrayLike | None = None,
    ) -> QueryResult:
        """Return the influence of every record on the predictions for other inputs.

        Each record is left out alone: exact copies of it stay, and hide its influence. To leave
        them out with it, name them as a group of :meth:`leave_out`.

        Args:
            queries: floats ``[q, ...]``, on the scale of the records; of the kernel ``given`` their
                kernel with the records, ``[q, n]``.
            labels: classes ``[q]``, as the records have them, or real values ``[q]`` or ``[q, c]``.
            variances: of the kernel ``given``, that of each query with itself, ``[q]``.

        Raises:
            ImprintError: inputs or classes that do not fit the records.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.eye(4), [0, 0, 1, 1], kernel="rbf")
            >>> influence = fitted.query([[0.9, 0.1, 0.0, 0.0]], labels=[0])
            >>> influence.findings.most.index, influence.measures["influence"].shape
            ((0,), (4, 1))
        """
        wanted = self._queries(queries, labels, variances)
        arrays = MeasureArrays(len(self.divergences), len(wanted.queries))
        with one_thread_a_sum():
            findings = answer_queries(self._fit, wanted, arrays)
        if wanted.labels is not None:
            findings = replace(findings, sums=self._sums(arrays, wanted.labels, own_pairs=True))
        return QueryResult(arrays.arrays, findings)

    def _sums(self, arrays: MeasureArrays, labels: IntArray, own_pairs: bool) -> InfluenceSums:
        inputs, influence = self._fit.inputs, arrays.arrays["influence"]
        known = inputs.labels, labels, inputs.classes, inputs.index, own_pairs
        return sum_influence(influence, *known)[2]

    def among_records(self) -> QueryResult:
        """Return the influence of every record on the predictions for all others, ``[n, n]`` each.

        Each record is left out alone: exact copies of it stay.
        """
        arrays = MeasureArrays(len(self.divergences), len(self.divergences))
        with one_thread_a_sum():
            findings = query_records(self._fit, arrays)
        inputs = self._fit.inputs
        if inputs.kind == "classes":
            findings = replace(findings, sums=self._sums(arrays, inputs.labels, own_pairs=False))
        return QueryResult(arrays.arrays, findings)

    def leave_out(
        self,
        groups: Mapping[str, ArrayLike],
        queries: ArrayLike | None = None,
        *,
        variances: ArrayLike | None = None,
    ) -> QueryResult:
        """Return the influence of groups of records, each left out together.

        Args:
            groups: rows of the records of each group, by its name.
            queries: at which models without each group are evaluated, as in :meth:`query`.
            variances: likewise.

        Raises:
            ImprintError: a group that repeats a record or names one that is not there.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.eye(4), [0, 0, 1, 1], kernel="rbf")
            >>> row = fitted.leave_out({"first": [0, 1]}).findings.first[0]
            >>> row.records, row.accuracy_out
            (2, 0.0)
        """
        rows = rows_of_groups(self._fit, groups)
        asked = None if queries is None else self._queries(queries, None, variances)
        arrays = MeasureArrays(len(rows), 0 if asked is None else len(asked.queries))
        with one_thread_a_sum():
            findings = GroupFindings(len(rows), tuple(leave_out_groups(self._fit, rows)))
            if asked is not None:
                fill_groups(self._fit, rows, asked, arrays)
        return QueryResult(arrays.arrays, findings)

    def add(
        self,
        x: ArrayLike,
        y: ArrayLike,
        queries: ArrayLike | None = None,
        *,
        variances: ArrayLike | None = None,
    ) -> QueryResult:
        """Return the influence of adding each record by itself.

        Args:
            x: floats ``[m, ...]``, on the scale of the records; of the kernel ``given`` as the
                queries of :meth:`query`.
            y: classes ``[m]``, as the records have them, or real values ``[m]`` or ``[m, c]``.
            queries: floats ``[q, ...]``, at which models with each record are evaluated; none of
                the kernel ``given``, which lacks their kernel with the added records.
            variances: of the kernel ``given``, that of each added record with itself, ``[m]``.
        """
        added = self._queries(x, y, variances)
        asked = None if queries is None else self._queries(queries, None)
        arrays = MeasureArrays(len(added.queries), 0 if asked is None else len(asked.queries))
        with one_thread_a_sum():
            _, findings = add_records(self._fit, added)
            if asked is not None:
                fill_additions(self._fit, added, asked, arrays)
        return QueryResult(arrays.arrays, findings)

    def optimise(self, removed: ArrayLike, *, seed: int = 0, **options: Any) -> QuerySearch:
        """Search the queries that best reveal removed records, and reconstruct the records.

        The search knows the record and all others: it bounds what can leak, and is not an attack.

        Args:
            removed: rows of the records ``[b]``, or of groups removed together ``[b, k]``.
            seed: of starts.
            options: fields of :class:`~imprint.lenses.leave_one_out.options.SearchChoice`, such as
                ``objective="kl_out_in"``, ``restarts=5`` or ``domain="box"``.

        Raises:
            ImprintError: an unknown option, or a value out of its range.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.random.default_rng(0).normal(size=(12, 3)), [0, 1] * 6)
            >>> search = fitted.optimise([3])
            >>> bool(search.certificates[0] > 0.99), search.columns["nearest"].tolist()
            (True, [3])
        """
        check_inputs(self._fit, "optimise")
        rows = rows_of(self._fit, removed, "removed", axes=2)
        groups = torch.from_numpy(rows.reshape(len(rows), -1)).to(self._fit.device)
        names = {"removed": len(groups), "group_size": groups.shape[1]}
        choice = make_options(SearchChoice, {**names, **options})
        with one_thread_a_sum():
            columns, searched, alike = search_records(self._fit, groups, choice, seed)
        return QuerySearch(
            searched.queries.cpu().numpy(),
            alike.scaled.cpu().numpy(),
            columns,
            search_findings(columns, choice, self._fit.noise[0]),
        )

    def landscape(self, removed: ArrayLike, *, seed: int = 0, **options: Any) -> LandscapeResult:
        """Return distinguishability along lines through removed records.

        Args:
            removed: rows of the records ``[m]``.
            seed: of random lines.
            options: ``lines``, ``half_length`` and ``steps_per_side``.

        Raises:
            ImprintError: an unknown option, or a value out of its range.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.random.default_rng(0).normal(size=(12, 3)), [0, 1] * 6)
            >>> fitted.landscape([3, 5], steps_per_side=2).findings.peak_at_record.kl_out_in
            1.0
        """
        check_inputs(self._fit, "landscape")
        rows = torch.from_numpy(rows_of(self._fit, removed, "removed")).to(self._fit.device)
        choice = make_options(LineChoice, {"removed": len(rows), **options})
        with one_thread_a_sum():
            return LandscapeResult(*compute_landscape(self._fit, rows, choice, seed))

    def noise_lines(self, removed: ArrayLike, *, seed: int = 0, **options: Any) -> NoiseLineResult:
        """Return distinguishability along straight lines from uniform noise to removed records.

        Args:
            removed: rows of the records ``[m]``.
            seed: of the noise.
            options: ``noise_lines`` and ``noise_steps``.

        Raises:
            ImprintError: an unknown option, or a value out of its range.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.random.default_rng(0).normal(size=(12, 3)), [0, 1] * 6)
            >>> lines = fitted.noise_lines([3, 5], noise_steps=4)
            >>> lines.columns["share"][:5].tolist(), lines.findings.largest
            ([0.0, 0.25, 0.5, 0.75, 1.0], 1.0)
        """
        check_inputs(self._fit, "noise_lines")
        rows = rows_of(self._fit, removed, "removed")
        choice = make_options(NoiseLineChoice, {"noise_lines": 1, **options})
        removals = Removals("fitted", rows[:, None])
        with one_thread_a_sum():
            return NoiseLineResult(*compute_noise_lines(self._fit, removals, choice, seed))

    def augment(self, removed: ArrayLike, *, seed: int = 0, **options: Any) -> AugmentationResult:
        """Return what augmentations of removed images reveal, and what near copies of them hide.

        Args:
            removed: rows of the records ``[m]``.
            seed: of the random changes.
            options: ``augmentations``, ``draws``, ``copies`` and ``copy_step``.

        Raises:
            ImprintError: records that are no images ``[n, C, H, W]`` or ``[n, H, W, C]``, an
                unknown option, or a value out of its range.

        Examples:
            >>> from imprint.leave_one_out import fit
            >>> fitted = fit(np.random.default_rng(0).uniform(size=(12, 3, 4, 4)), [0, 1] * 6)
            >>> changed = fitted.augment([3, 5], augmentations=("flip", "noise"), draws=2, copies=2)
            >>> len(changed.queries["index"]), changed.findings.copies
            (8, (0, 2))
        """
        check_inputs(self._fit, "augment")
        rows = rows_of(self._fit, removed, "removed")
        choice = make_options(AugmentationChoice, {"removed": len(rows), **options})
        as_pictures(self._fit.inputs)
        removals = Removals("fitted", rows[:, None])
        with one_thread_a_sum():
            return AugmentationResult(*augment_records(self._fit, removals, choice, seed))

    def _queries(
        self, queries: ArrayLike, labels: ArrayLike | None, variances: ArrayLike | None = None
    ) -> Queries:
        return queries_of(self._fit, queries, labels, variances, self._function)


@dataclass(frozen=True, eq=False)
class QueryResult(Result):
    """Influence of leaving out or adding records on predictions.

    Attributes:
        measures: by name, float64 ``[m, q]``: a row for each record or group left out, or record
            added, a column for each query. ``kl_out_in`` and ``kl_in_out`` in nats, ``auc``,
            ``mean_distance``, ``variance_out``, ``certificate`` (the share of the bound on any
            query); ``shift``, μ_in − μ_out, ``[m, q, c]``; of queries with labels ``influence``, by
            how much the output of the query's class rises. Which of them depends on the method.
        findings: the strongest records, groups or pairs.
    """

    measures: Mapping[str, FloatArray]
    findings: QueryFindings | RecordPairFindings | GroupFindings | AdditionFindings

    def tables(self) -> Sequence[Table]:
        """Return one row per query, group, added record or pair, the first ones, and sums."""
        sums = [] if self._sums is None else [sum_table(self._sums)]
        return [TABLES[type(self.findings)](self.findings), *sums]

    def figures(self) -> Sequence[Figure]:
        """Return influence between classes, where the classes of the queries are known."""
        return [] if self._sums is None else [class_figure(self._sums)]

    @property
    def _sums(self) -> InfluenceSums | None:
        return getattr(self.findings, "sums", None)


TABLES: Mapping[type, Callable[[Any], Table]] = {
    QueryFindings: query_table,
    RecordPairFindings: pair_table,
    GroupFindings: group_table,
    AdditionFindings: addition_table,
}


@dataclass(frozen=True, eq=False)
class QuerySearch(Result):
    """Queries that best reveal removed records.

    Attributes:
        queries: float64 ``[b, q, ...]``, in the units of the records.
        reconstructions: the nearest query of each removed record after the best positive scaling,
            ``[m, ...]``.
        columns: one row per removed record, as ``records.parquet`` holds them.
        findings: with intervals.
    """

    queries: FloatArray
    reconstructions: FloatArray
    columns: Mapping[str, np.ndarray]
    findings: SearchFindings

    @property
    def certificates(self) -> FloatArray:
        """KL(out ‖ in) at the queries over the bound on any query, ``[m]``, in [0, 1]."""
        return self.columns["certificate"]

    def tables(self) -> Sequence[Table]:
        """Return successes, identified records and shares of the bound."""
        return [search_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return the share of the bound that each search reached."""
        return [certificate_figure(self.certificates, self.findings)]


@dataclass(frozen=True, eq=False)
class LandscapeResult(Result):
    """Distinguishability along lines through removed records.

    Attributes:
        columns: one row per record, line and step, as ``lines.parquet`` holds them.
        findings: medians over records, and where peaks lie.
    """

    columns: Mapping[str, np.ndarray]
    findings: LandscapeFindings

    def tables(self) -> Sequence[Table]:
        """Return the share of lines along which each measure peaks at the record."""
        return [landscape_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return each measure along the lines."""
        return [line_figure(self.findings, name) for name in MEASURES]


@dataclass(frozen=True, eq=False)
class NoiseLineResult(Result):
    """Distinguishability along straight lines from uniform noise to removed records.

    Attributes:
        columns: one row per record, line and step.
        findings: medians over records, and where on the way the record shows.
    """

    columns: Mapping[str, np.ndarray]
    findings: NoiseLineFindings

    def tables(self) -> Sequence[Table]:
        """Return where on the way the record shows."""
        return [noise_line_table(self.findings)]

    def figures(self) -> Sequence[Figure]:
        """Return each measure along the way."""
        return [noise_line_figure(self.findings)]


@dataclass(frozen=True, eq=False)
class AugmentationResult(Result):
    """Augmentations of removed records, as queries and as near copies in the data.

    Attributes:
        queries: one row per record, augmentation and draw.
        copies: one row per record and number of copies, of augmented and of exact ones; None
            without copies.
        findings: medians over records with intervals.
    """

    queries: Mapping[str, np.ndarray]
    copies: Mapping[str, np.ndarray] | None
    findings: AugmentationFindings

    def tables(self) -> Sequence[Table]:
        """Return one row per augmentation, and per number of copies."""
        copies = [] if self.copies is None else [copy_table(self.findings)]
        return [augmentation_table(self.findings), *copies]

    def figures(self) -> Sequence[Figure]:
        """Return shares of the bound by augmentation, and the divergence left beside copies."""
        copies = [] if self.copies is None else [copy_figure(self.findings)]
        return [query_figure(self.findings), *copies]


def make_options(kind: type[Any], options: Mapping[str, Any]) -> Any:
    """Return a dataclass of options from keywords.

    Raises:
        ImprintError: an option that it lacks, or a value out of its range.
    """
    known = list(kind.__dataclass_fields__)
    for name in options:
        if name not in known:
            raise ImprintError(f"there is no option {name!r}; known are {', '.join(known)}")
    return kind(**options)
