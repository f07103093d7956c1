"""What ``imprint.leave_one_out.fit_large`` returns: all records, and queries of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior
from imprint.lenses.leave_one_out.large.large_queries import LargestErrors
from imprint.lenses.leave_one_out.large.solutions import Solutions, solver_choice
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import SolverOptions
from imprint.lenses.leave_one_out.query_arguments import queries_of, rows_of_groups
from imprint.lenses.leave_one_out.results import InfluenceResult, QueryResult, make_options
from imprint.lenses.leave_one_out.study.conclude import MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large_additions import (
    add_large_records,
    fill_large_additions,
)
from imprint.lenses.leave_one_out.study.large_groups import (
    fill_large_groups,
    leave_out_large_groups,
)
from imprint.lenses.leave_one_out.study.large_model import LargeModel
from imprint.lenses.leave_one_out.study.large_queries import (
    answer_large_queries,
    wanted_measures,
)
from imprint.lenses.leave_one_out.study.solve import SolveAdditions, SolveGroups, SolveQueries


@dataclass(frozen=True, eq=False)
class LargeFitResult(InfluenceResult):
    """Leave-one-out influence of every record of a large fit, and further queries of it.

    The factor stays in memory. Queries, groups and additions are solved for by conjugate gradients;
    ``findings.accuracy`` of each answer states the residual and what it leaves open.
    """

    _fit: GaussianFit
    _posterior: LargePosterior

    def query(
        self,
        queries: ArrayLike,
        labels: ArrayLike | None = None,
        **options: object,
    ) -> QueryResult:
        """Return the influence of every record on the predictions for other inputs.

        Args:
            queries: floats ``[q, ...]``, on the scale of the records.
            labels: classes ``[q]``, as the records have them.
            options: fields of :class:`~imprint.lenses.leave_one_out.options.SolverOptions`:
                ``tolerance``, ``passes``, ``measures`` and ``values``.

        Raises:
            ImprintError: inputs or classes that do not fit the records, or conjugate gradients
                that do not converge.

        Examples:
            >>> import numpy as np
            >>> from imprint.leave_one_out import fit_large
            >>> x = np.random.default_rng(0).normal(size=(100, 3))
            >>> large = fit_large(x, np.arange(100) % 2, method="hybrid", sample=72)
            >>> answer = large.query(x[:2] + 1, labels=[0, 1], tolerance=1e-6)
            >>> answer.measures["influence"].shape, answer.findings.accuracy.residual <= 1e-6
            ((100, 2), True)
        """
        choice = _options(options)
        asked, model = queries_of(self._fit, queries, labels), self._model(choice)
        arrays = MeasureArrays(self._posterior.records, len(asked.queries), None, choice.values)
        with one_thread_a_sum():
            solutions = _solved(model, asked)
            findings = answer_large_queries(
                model, asked, solutions, arrays, wanted_measures(choice.measures), LargestErrors()
            )
        return QueryResult(arrays.arrays, findings)

    def leave_out(
        self,
        groups: Mapping[str, ArrayLike],
        queries: ArrayLike | None = None,
        **options: object,
    ) -> QueryResult:
        """Return the influence of groups of records, each left out together.

        Args:
            groups: rows of the records of each group, by its name.
            queries: floats ``[q, ...]``, at which models without each group are evaluated.
            options: as of :meth:`query`.

        Raises:
            ImprintError: as of :meth:`query`, or a group that repeats a record or names one that
                is not there.
        """
        rows = rows_of_groups(self._fit, groups)
        asked = None if queries is None else queries_of(self._fit, queries, None)
        model = self._model(_options(options))
        arrays = MeasureArrays(len(rows), 0 if asked is None else len(asked.queries))
        with one_thread_a_sum():
            step = SolveGroups(model, rows)
            blocks = step.solved(step.open(None))
            _, findings = leave_out_large_groups(model, rows, blocks)
            if asked is not None:
                solutions = _solved(model, asked)
                fill_large_groups(model, rows, blocks, asked, solutions, arrays)
        return QueryResult(arrays.arrays, findings)

    def add(
        self, x: ArrayLike, y: ArrayLike, queries: ArrayLike | None = None, **options: object
    ) -> QueryResult:
        """Return the influence of adding each record by itself.

        Args:
            x: floats ``[m, ...]``, on the scale of the records.
            y: classes ``[m]``, as the records have them.
            queries: floats ``[q, ...]``, at which models with each record are evaluated.
            options: as of :meth:`query`.

        Raises:
            ImprintError: as of :meth:`query`.
        """
        added, model = queries_of(self._fit, x, y), self._model(_options(options))
        asked = None if queries is None else queries_of(self._fit, queries, None)
        arrays = MeasureArrays(len(added.queries), 0 if asked is None else len(asked.queries))
        with one_thread_a_sum():
            step = SolveAdditions(model, added.queries)
            own = step.solved(step.open(None))
            _, findings = add_large_records(model, added, own)
            if asked is not None:
                solutions = _solved(model, asked)
                fill_large_additions(model, added, own, asked, solutions, arrays)
        return QueryResult(arrays.arrays, findings)

    def _model(self, options: SolverOptions) -> LargeModel:
        method = self._posterior.method
        choice = solver_choice(method, options.tolerance, options.passes)
        return LargeModel(self._fit, method, "", choice, self._posterior)


def _options(options: Mapping[str, object]) -> SolverOptions:
    choice: SolverOptions = make_options(SolverOptions, options)
    return choice


def _solved(model: LargeModel, asked: Queries) -> Solutions:
    step = SolveQueries(model, asked.queries)
    return step.solved(step.open(None))
