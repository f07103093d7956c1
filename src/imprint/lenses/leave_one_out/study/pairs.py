"""The step that evaluates every model with one record less at all records of the fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from imprint.core.progress import track
from imprint.lenses.leave_one_out.findings import PairFindings, RecordPair
from imprint.lenses.leave_one_out.posterior.queries import (
    queries_at_once,
    signed_influence,
    training_influence,
)
from imprint.lenses.leave_one_out.study.fitted import Fit
from imprint.lenses.leave_one_out.study.measures import MeasureFiles
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study

MEASURES = ("kl_out_in", "kl_in_out", "auc", "mean_distance", "influence")
NAMED_PAIRS = 20
"""Pairs that the findings name."""


@dataclass(frozen=True, eq=False)
class QueryRecords(Step):
    """Write one array ``MEASURE.npy [n, n]`` per measure.

    Rows are the records left out, columns the records as queries; the diagonal is what a record
    does to its own prediction. ``influence`` is by how much the row raises the output of the
    column's own class. No kernel is computed for it, K R = I − σ²R, and 40 n² bytes are written.
    """

    fit: Fit

    artefact = "leave_one_out/among_records"

    def build(self, path: Path) -> None:
        """Write the arrays, block by block of queries."""
        path.mkdir(exist_ok=True)
        posterior, count = self.fit.posterior, self.fit.posterior.records
        files, step = MeasureFiles(path, count, count), queries_at_once(count)
        most: list[tuple[float, int, int]] = []
        for start in track(range(0, count, step), "query", -(-count // step), "block"):
            part = slice(start, min(start + step, count))
            influence = training_influence(posterior, part)
            measures = {
                **influence.directions.measures(),
                "mean_distance": influence.mean_distance,
                **signed_influence(influence.shift, self.fit.labels[part]),
            }
            files.write(measures, columns=part)
            most = sorted([*most, *_largest(measures["kl_out_in"], part)], reverse=True)
            most = most[:NAMED_PAIRS]
        files.close()
        index = self.fit.inputs.index
        pairs = tuple(
            RecordPair(int(index[row]), int(index[column]), value) for value, row, column in most
        )
        write_finding(path / "among_records.json", PairFindings(count, MEASURES, pairs))


def query_records(study: Study, fit: Fit) -> PairFindings:
    """Run the step; return what was written."""
    return read_finding(PairFindings, study.run(QueryRecords(fit)) / "among_records.json")


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
