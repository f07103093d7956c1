"""The step that adds records which the fit lacks, each by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import AddedRecord, AdditionFindings
from imprint.lenses.leave_one_out.posterior.additions import (
    Candidates,
    FittedCandidates,
    candidates,
)
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.queries import signed_influence
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.queries import on_device
from imprint.study.finding import write_finding
from imprint.study.tables import Table

NAMED_RECORDS = 20
"""Added records that the findings name."""


@dataclass(frozen=True, eq=False)
class AddRecords(FindingStep[AdditionFindings]):
    """Write ``additions.parquet``, a row per record; of queries ``MEASURE.npy`` ``[m, q]``.

    *Out* is the fit, and *in* has the record as well.
    """

    fit: GaussianFit
    added: Queries
    queries: Queries | None

    artefact = "leave_one_out/additions"
    kind = AdditionFindings
    file = "additions.json"

    def build(self, path: Path) -> None:
        """Write the table and the arrays."""
        path.mkdir(exist_ok=True)
        columns, findings = add_records(self.fit, self.added)
        write_meant(path / "additions.parquet", columns)
        if self.queries is not None:
            count = len(self.queries.queries)
            arrays = MeasureArrays(findings.additions, count, path)
            fill_additions(self.fit, self.added, self.queries, arrays)
            findings = replace(findings, queries=count, measures=arrays.names)
        write_finding(path / self.file, findings)


def add_records(fit: GaussianFit, added: Queries) -> tuple[Table, AdditionFindings]:
    """Return what adding each record does to its own prediction: a table, and its first rows."""
    return added_rows(fit, added, _candidates(fit, added))


def added_rows(
    fit: GaussianFit, added: Queries, candidate: Candidates
) -> tuple[Table, AdditionFindings]:
    """Return the table of added records and its first rows."""
    classes = fit.inputs.classes
    columns = {
        "index": np.arange(len(added.queries)),
        "label": np.asarray(added.labels),
        **addition_columns(candidate),
    }
    first = [
        AddedRecord(
            row,
            classes[int(columns["label"][row])],
            classes[int(columns["prediction_out"][row])],
            *(float(columns[name][row]) for name in ("kl_out_in", "auc", "memorization")),
        )
        for row in range(min(NAMED_RECORDS, len(added.queries)))
    ]
    return columns, AdditionFindings(len(added.queries), tuple(first))


def fill_additions(
    fit: GaussianFit, added: Queries, queries: Queries, arrays: MeasureArrays
) -> None:
    """Fill what each added record does to each query."""
    values, labels = on_device(queries, fit.device)
    records, _ = on_device(added, fit.device)
    cross, between = fit.kernel(values, fit.values), fit.kernel(values, records)
    candidate = _candidates(fit, added)
    directions = candidate.at_queries(between, cross, fit.kernel.diagonal(values))
    shift = candidate.shift_at_queries(between, cross)
    arrays.fill({**directions.measures(), "shift": shift, **signed_influence(shift, labels)})


def targets_of(fit: GaussianFit, added: Queries) -> Tensor:
    """Return the targets of added records, float64 ``[m, c]``."""
    _, labels = on_device(added, fit.device)
    assert labels is not None
    return centred_one_hot(labels, len(fit.inputs.classes), fit.outputs)


def _candidates(fit: GaussianFit, added: Queries) -> FittedCandidates:
    values, _ = on_device(added, fit.device)
    targets = targets_of(fit, added)
    cross = fit.kernel(values, fit.values)
    return candidates(fit.posterior, cross, fit.kernel.diagonal(values), targets)


def addition_columns(added: Candidates) -> Table:
    """Return one row per record of what adding it does to its own prediction.

    Columns are those of ``records.parquet``; *out* is the fit, and *in* has the record as well.
    """
    own = added.self_influence()
    names = ("kl_out_in", "kl_in_out", "mean_distance", "variance_out", "residual_norm")
    columns = {name: getattr(own, name) for name in (*names, "memorization", "auc")}
    columns["tpr"], columns["leverage"] = own.tpr_at_fpr(FPR), own.leverage
    columns["prediction_out"] = classes_of(added.targets - own.residual)
    return {name: np.asarray(column.cpu().numpy()) for name, column in columns.items()}
