"""Queries of a fit by a method other than dense: every record left out, from R k_Xq."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import (
    InfluentialRecords,
    QueryFindings,
    StrongestRecords,
)
from imprint.lenses.leave_one_out.large.large_queries import (
    LargestErrors,
    measured_rows,
    record_tiles,
    solved_queries,
)
from imprint.lenses.leave_one_out.large.solutions import Solutions
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.large_model import LargeModel, solve_accuracy
from imprint.lenses.leave_one_out.study.queries import (
    INFLUENTIAL,
    influential_rows,
    on_device,
    write_sums,
)
from imprint.lenses.leave_one_out.study.solve import SolveQueries
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.tables import write_table

MEASURES = (
    "kl_out_in", "kl_in_out", "auc", "mean_distance", "variance_out", "certificate", "shift",
    "influence",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class AnswerLargeQueries(FindingStep[QueryFindings]):
    """Write what the step of a dense fit writes, and ``errors.parquet``, a row per query.

    Attributes:
        model: the fit.
        queries: inputs and their classes.
        measures: names, or ``all``.
        values: number type of the measures.
        solutions: R k_Xq, all done.
    """

    model: LargeModel
    queries: Queries
    measures: tuple[str, ...]
    values: str
    solutions: Solutions = uncounted()

    artefact = "leave_one_out/queries"
    inputs = (SolveQueries.artefact,)
    kind = QueryFindings
    file = "queries.json"

    def build(self, path: Path) -> None:
        """Write the arrays, some records at a time."""
        path.mkdir(exist_ok=True)
        count = len(self.queries.queries)
        arrays = MeasureArrays(self.model.posterior.records, count, path, self.values)
        errors = LargestErrors()
        findings = answer_large_queries(
            self.model, self.queries, self.solutions, arrays, wanted_measures(self.measures), errors
        )
        if findings.influential is not None:
            write_meant(path / "influential.parquet", influential_rows(findings.influential))
        if "influence" in arrays.arrays:
            sums = write_sums(path, self.model.fit, self.queries, arrays)
            findings = replace(findings, sums=sums)
        columns = {"index": np.arange(count), "residual": self.solutions.relative_residual}
        columns |= {f"{name}_error_at_most": each for name, each in _largest(errors.certain)}
        columns |= {f"{name}_error_about": each for name, each in _largest(errors.estimated)}
        write_table(path / "errors.parquet", columns)
        write_finding(path / self.file, findings)


def answer_large_queries(
    model: LargeModel,
    queries: Queries,
    solutions: Solutions,
    arrays: MeasureArrays,
    wanted: Collection[str] | None,
    errors: LargestErrors,
) -> QueryFindings:
    """Fill measures of every removed record at every query; return what they say.

    Args:
        model: the fit.
        queries: inputs and their classes.
        solutions: R k_Xq.
        arrays: to fill.
        wanted: names of measures; None for all.
        errors: takes the largest of each query.

    Raises:
        ImprintError: a variance that is lost in rounding.
    """
    posterior, index = model.posterior, model.fit.inputs.index
    values, labels = on_device(queries, posterior.device)
    solved = solved_queries(posterior, values, solutions)
    need = None if wanted is None else {*wanted, "kl_out_in", "influence"}
    strongest, ends = _Strongest(len(values)), _Ends(len(values))
    tiles = measured_rows(solved, labels, need, errors)
    total = len(record_tiles(posterior.records, len(values)))
    for rows, measures in track(tiles, "measure", total, "block"):
        arrays.fill(
            {name: each for name, each in measures.items() if wanted is None or name in wanted},
            rows=rows,
        )
        strongest.merge(measures["kl_out_in"], rows)
        if labels is not None:
            ends.merge(measures["influence"], rows)
    accuracy = solve_accuracy(
        model,
        solutions,
        {name: float(each.max()) for name, each in _largest(errors.certain)},
        {name: float(each.max()) for name, each in _largest(errors.estimated)},
    )
    most = StrongestRecords(
        tuple(index[strongest.rows.numpy()].tolist()), tuple(strongest.values.tolist())
    )
    findings = QueryFindings(len(values), arrays.names, most, accuracy=accuracy)
    if queries.labels is None:
        return findings
    names = tuple(model.fit.inputs.classes[label] for label in queries.labels)
    return replace(findings, labels=names, influential=ends.named(index))


def wanted_measures(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return measures to write, None for all.

    Raises:
        ImprintError: no such measure.
    """
    if names == ("all",):
        return None
    for name in names:
        if name not in MEASURES:
            raise ImprintError(
                f"--measures has no {name!r}: choose all, or of {', '.join(MEASURES)}"
            )
    if not names:
        raise ImprintError(f"--measures is empty: choose all, or of {', '.join(MEASURES)}")
    return names


class _Strongest:
    """The record whose absence shows most in each query, of those merged so far."""

    def __init__(self, queries: int) -> None:
        self.values = torch.full((queries,), -torch.inf, dtype=torch.float64)
        self.rows = torch.zeros(queries, dtype=torch.int64)

    def merge(self, divergence: Tensor, rows: slice) -> None:
        most, row = (each.cpu() for each in divergence.max(0))
        better = most > self.values
        self.values = torch.where(better, most, self.values)
        self.rows = torch.where(better, row + rows.start, self.rows)


class _Ends:
    """The records that raise and that lower each query most, of those merged so far."""

    def __init__(self, queries: int) -> None:
        self._values = {end: torch.zeros(0, queries, dtype=torch.float64) for end in (1, -1)}
        self._rows = {end: torch.zeros(0, queries, dtype=torch.int64) for end in (1, -1)}

    def merge(self, influence: Tensor, rows: slice) -> None:
        values = influence.cpu()
        names = torch.arange(rows.start, rows.stop)[:, None].expand_as(values)
        for end in (1, -1):
            merged = torch.cat([self._values[end], end * values])
            order = merged.sort(stable=True, dim=0, descending=True).indices[:INFLUENTIAL]
            self._values[end] = merged.gather(0, order)
            self._rows[end] = torch.cat([self._rows[end], names]).gather(0, order)

    def named(self, index: IntArray) -> tuple[Mapping[str, InfluentialRecords], ...]:
        """Return them by query; only those whose sign fits."""
        queries = next(iter(self._values.values())).shape[1]
        return tuple(
            {name: self._end(end, query, index) for name, end in (("raise", 1), ("lower", -1))}
            for query in range(queries)
        )

    def _end(self, end: int, query: int, index: IntArray) -> InfluentialRecords:
        values, rows = self._values[end][:, query], self._rows[end][:, query]
        kept = values > 0
        names = index[rows[kept].numpy()]
        return InfluentialRecords(tuple(names.tolist()), tuple((end * values[kept]).tolist()))


def _largest(errors: Mapping[str, Tensor]) -> list[tuple[str, np.ndarray]]:
    return [(name, values.cpu().numpy()) for name, values in errors.items()]
