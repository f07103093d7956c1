"""The step that evaluates every model with one record less at further inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.progress import track
from imprint.lenses.leave_one_out.findings import (
    InfluentialRecords,
    QueryFindings,
    StrongestRecords,
)
from imprint.lenses.leave_one_out.posterior.queries import queries_at_once, query_blocks
from imprint.lenses.leave_one_out.study.fitted import Fit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.measures import MeasureFiles
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

INFLUENTIAL = 3
"""Records named per query and sign."""


@dataclass(frozen=True, eq=False)
class AnswerQueries(Step):
    """Write ``MEASURE.npy``, float64 ``[n, q]``, and ``shift.npy`` ``[n, q, c]``.

    Of queries with classes also ``influence.npy`` ``[n, q]``: by how much each record raises the
    output of the query's class, below 0 where it lowers it; and ``influential.parquet``, a row per
    query and record that raises or lowers it most.
    """

    fit: Fit
    queries: Queries

    artefact = "leave_one_out/queries"

    def build(self, path: Path) -> None:
        """Write the arrays, block by block."""
        path.mkdir(exist_ok=True)
        kernel, posterior, inputs = self.fit.kernel, self.fit.posterior, self.fit.inputs
        values, labels = on_device(self.queries, self.fit.device)
        cross, variances = kernel(values, self.fit.values), kernel.diagonal(values)
        count = len(values)
        files = MeasureFiles(path, posterior.records, count)
        most, rows = np.zeros(count), np.zeros(count, dtype=np.int64)
        influential: list[dict[str, InfluentialRecords]] = []
        blocks = query_blocks(posterior, cross, variances, labels)
        total = -(-count // queries_at_once(posterior.records))
        for part, measures in track(blocks, "query", total, "block"):
            files.write(measures, columns=part)
            largest, row = measures["kl_out_in"].max(0)
            most[part], rows[part] = largest.cpu().numpy(), row.cpu().numpy()
            if labels is not None:
                influential += most_influential(measures["influence"], inputs.index)
        strongest = StrongestRecords(tuple(inputs.index[rows].tolist()), tuple(most.tolist()))
        findings = QueryFindings(count, files.names, strongest)
        files.close()
        if self.queries.labels is not None:
            names = tuple(inputs.classes[label] for label in self.queries.labels)
            findings = QueryFindings(count, findings.measures, strongest, names, tuple(influential))
            write_table(path / "influential.parquet", _influential_rows(influential))
        write_finding(path / "queries.json", findings)


def answer_queries(study: Study, fit: Fit, queries: Queries) -> QueryFindings:
    """Run the step; return what was written."""
    return read_finding(QueryFindings, study.run(AnswerQueries(fit, queries)) / "queries.json")


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
        ends.append(
            {
                "raise": named(column, top[column[top] > 0]),
                "lower": named(column, bottom[column[bottom] < 0]),
            }
        )
    return ends


def _influential_rows(influential: list[dict[str, InfluentialRecords]]) -> Table:
    rows = [
        (index, query, influence)
        for query, ends in enumerate(influential)
        for records in ends.values()
        for index, influence in zip(records.index, records.influence, strict=True)
    ]
    index, query, influence = (np.array([row[place] for row in rows]) for place in range(3))
    return {"index": index, "query": query, "influence": influence}
