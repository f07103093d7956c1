"""Every model with one record less at further inputs, or at all records of the fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.progress import track
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import (
    InfluentialRecords,
    QueryFindings,
    RecordPair,
    RecordPairFindings,
    StrongestRecords,
)
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums
from imprint.lenses.leave_one_out.posterior.influence_sums import sum_influence
from imprint.lenses.leave_one_out.posterior.queries import (
    QueryInfluence,
    queries_at_once,
    query_blocks,
    signed_influence,
    training_influence,
    value_influence,
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.study.finding import write_finding
from imprint.study.tables import Table

INFLUENTIAL = 3
"""Records named per query and sign."""
PAIR_MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "influence")
NAMED_PAIRS = 20
"""Pairs of records that the findings name."""


@dataclass(frozen=True, eq=False)
class AnswerQueries(FindingStep[QueryFindings]):
    """Write ``MEASURE.npy``, float64 ``[n, q]``, and ``shift.npy`` ``[n, q, c]``.

    Of queries with classes also ``influence.npy`` ``[n, q]``: by how much each record raises the
    output of the query's class, below 0 where it lowers it; and ``influential.parquet``, a row per
    query and record that raises or lowers it most.
    """

    fit: GaussianFit
    queries: Queries

    artefact = "leave_one_out/queries"
    kind = QueryFindings
    file = "queries.json"

    def build(self, path: Path) -> None:
        """Write the arrays, block by block."""
        path.mkdir(exist_ok=True)
        count = len(self.queries.queries)
        measures = MeasureArrays(len(self.fit.inputs.index), count, path)
        findings = answer_queries(self.fit, self.queries, measures)
        if findings.influential is not None:
            write_meant(path / "influential.parquet", influential_rows(findings.influential))
            findings = replace(findings, sums=write_sums(path, self.fit, self.queries, measures))
        write_finding(path / self.file, findings)


@dataclass(frozen=True, eq=False)
class QueryRecords(FindingStep[RecordPairFindings]):
    """Write one array ``MEASURE.npy [n, n]`` per measure.

    Rows are the records left out, columns the records as queries; the diagonal is what a record
    does to its own prediction. ``influence`` is by how much the row raises the output of the
    column's own class. No kernel is computed for it, K R = I − σ²R, and 40 n² bytes are written.
    """

    fit: GaussianFit

    artefact = "leave_one_out/among_records"
    kind = RecordPairFindings
    file = "among_records.json"

    def build(self, path: Path) -> None:
        """Write the arrays, block by block of queries."""
        path.mkdir(exist_ok=True)
        count = len(self.fit.inputs.index)
        measures = MeasureArrays(count, count, path)
        findings = query_records(self.fit, measures)
        findings = replace(findings, sums=write_sums(path, self.fit, None, measures))
        write_finding(path / self.file, findings)


def write_sums(
    path: Path, fit: GaussianFit, queries: Queries | None, measures: MeasureArrays
) -> InfluenceSums | None:
    """Write influence summed over queries, and return what it shows; None without classes.

    ``influence_sums.parquet`` has a row per record, ``influence_classes.parquet`` one per class of
    queries and class of records.

    Args:
        path: folder.
        fit: of the records.
        queries: None where the records themselves are queried.
        measures: ``influence`` among them.
    """
    inputs = fit.inputs
    labels = inputs.labels if queries is None else queries.labels
    if labels is None or inputs.kind != "classes":
        return None
    influence, own_pairs = measures.arrays["influence"], queries is not None
    records, classes, sums = sum_influence(
        influence, inputs.labels, labels, inputs.classes, inputs.index, own_pairs
    )
    write_meant(path / "influence_sums.parquet", records)
    write_meant(path / "influence_classes.parquet", classes)
    return sums


def answer_queries(fit: GaussianFit, queries: Queries, arrays: MeasureArrays) -> QueryFindings:
    """Fill measures of every removed record at every query; return what they say."""
    kernel, index = fit.kernel, fit.inputs.index
    values, labels = on_device(queries, fit.device)
    cross, variances = kernel(values, fit.values), kernel.diagonal(values)
    count = len(values)
    most, rows = np.zeros(count), np.zeros(count, dtype=np.int64)
    influential: list[dict[str, InfluentialRecords]] = []
    targets = real_targets(queries, fit.device)
    blocks = query_blocks(fit.posterior, cross, variances, labels, targets)
    total = -(-count // queries_at_once(fit.posterior.records))
    for part, fitted in track(blocks, "query", total, "block"):
        measures = fit.units.convert_measures(fitted)
        arrays.fill(measures, columns=part)
        largest, row = measures["kl_out_in"].max(0)
        most[part], rows[part] = largest.cpu().numpy(), row.cpu().numpy()
        if "influence" in measures:
            influential += most_influential(measures["influence"], index)
    strongest = StrongestRecords(tuple(index[rows].tolist()), tuple(most.tolist()))
    findings = QueryFindings(count, arrays.names, strongest)
    if queries.targets is not None:
        return replace(
            findings,
            labels=shown_values(fit.units.of_targets(queries.targets)),
            influential=tuple(influential),
            targets="values",
        )
    if queries.labels is None:
        return findings
    names = tuple(fit.inputs.classes[label] for label in queries.labels)
    return replace(findings, labels=names, influential=tuple(influential))


def shown_values(values: FloatArray) -> tuple[str, ...]:
    """Return real values ``[m, c]`` as texts, outputs separated by semicolons.

    >>> shown_values(np.array([[1.5, 2.0]]))
    ('1.5; 2',)
    """
    return tuple("; ".join(f"{value:.4g}" for value in row) for row in values.tolist())


def real_targets(queries: Queries, device: torch.device) -> Tensor | None:
    """Return real values of queries as fitted, ``[q, c]``; None where there are none."""
    return None if queries.targets is None else torch.from_numpy(queries.targets).to(device)


def query_records(fit: GaussianFit, arrays: MeasureArrays) -> RecordPairFindings:
    """Fill measures of every removed record at every record; return the strongest pairs."""
    posterior, count, index = fit.posterior, fit.posterior.records, fit.inputs.index
    step = queries_at_once(count)
    most: list[tuple[float, int, int]] = []
    for start in track(range(0, count, step), "query", -(-count // step), "block"):
        part = slice(start, min(start + step, count))
        influence = training_influence(posterior, part)
        measures = {
            **influence.directions.measures(),
            "mean_distance": influence.mean_distance,
            **_among_influence(fit, influence, part),
        }
        measures = fit.units.convert_measures(measures)
        arrays.fill(measures, columns=part)
        most = sorted([*most, *_largest(measures["kl_out_in"], part)], reverse=True)
        most = most[:NAMED_PAIRS]
    pairs = [RecordPair(int(index[row]), int(index[column]), kl) for kl, row, column in most]
    return RecordPairFindings(count, PAIR_MEASURES, tuple(pairs))


def _among_influence(fit: GaussianFit, influence: QueryInfluence, part: slice) -> dict[str, Tensor]:
    """Return ``influence`` of every record on the records of a part."""
    if fit.inputs.kind != "values":
        return signed_influence(influence.shift, fit.labels[part])
    return value_influence(influence.shift, influence.mean_in, fit.targets[part])


def on_device(queries: Queries, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return queries ``[q, ...]`` and their classes ``[q]`` as tensors."""
    labels = None if queries.labels is None else torch.from_numpy(queries.labels).to(device)
    return torch.from_numpy(queries.queries).to(device), labels


def most_influential(influence: Tensor, index: IntArray) -> list[dict[str, InfluentialRecords]]:
    """Return, for each query, which records raise and lower the output of its class most.

    >>> ends = most_influential(torch.tensor([[0.5], [-0.1], [0.2]]), np.array([7, 8, 9]))[0]
    >>> ends["raise"].index, ends["lower"].index
    ((7, 9), (8,))

    Args:
        influence: ``[n, q]``, signed.
        index: int64 ``[n]``, names of the records.
    """

    def named(column: FloatArray, rows: IntArray) -> InfluentialRecords:
        return InfluentialRecords(tuple(index[rows].tolist()), tuple(column[rows].tolist()))

    ends = []
    for column in influence.cpu().numpy().T:
        order = np.argsort(-column, kind="stable")
        top, bottom = order[:INFLUENTIAL], order[::-1][:INFLUENTIAL]
        raising, lowering = top[column[top] > 0], bottom[column[bottom] < 0]
        ends.append({"raise": named(column, raising), "lower": named(column, lowering)})
    return ends


def influential_rows(influential: Sequence[Mapping[str, InfluentialRecords]]) -> Table:
    """Return one row per query and record that raises or lowers the output of its class most."""
    rows = [
        (index, query, influence)
        for query, ends in enumerate(influential)
        for records in ends.values()
        for index, influence in zip(records.index, records.influence, strict=True)
    ]
    index, query, influence = (np.array([row[place] for row in rows]) for place in range(3))
    return {"index": index, "query": query, "influence": influence}


def _largest(divergence: Tensor, part: slice) -> list[tuple[float, int, int]]:
    """Return the largest values beside the diagonal with their row and column."""
    others = divergence.clone()
    columns = torch.arange(part.start, part.stop, device=others.device)
    others[columns, columns - part.start] = -1
    values, places = others.flatten().topk(min(NAMED_PAIRS, others.numel()))
    width = others.shape[1]
    return [
        (value, place // width, part.start + place % width)
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
        if value >= 0
    ]
