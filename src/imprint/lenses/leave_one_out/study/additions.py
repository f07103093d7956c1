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
from imprint.lenses.leave_one_out.posterior.queries import signed_influence, value_influence
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot, towards_targets
from imprint.lenses.leave_one_out.study.conclude import FindingStep, MeasureArrays
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.queries import on_device, real_targets, shown_values
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
    if added.targets is not None:
        return _added_values(fit, candidate)
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


def _added_values(fit: GaussianFit, candidate: Candidates) -> tuple[Table, AdditionFindings]:
    """Return the same of records with real values, in their units."""
    own, units = candidate.self_influence(), fit.units
    moved = towards_targets(own.shift, own.residual, "values", candidate.targets)
    columns = {"index": np.arange(len(moved)), **addition_columns(candidate)}
    del columns["prediction_out"]
    columns = units.convert({**columns, "memorization": moved.cpu().numpy()})
    wanted = units.of_targets(candidate.targets.cpu().numpy())
    predicted = units.of_targets((candidate.targets - own.residual).cpu().numpy())
    for place in range(wanted.shape[1]):
        columns[f"target_{place}"] = wanted[:, place]
        columns[f"prediction_out_{place}"] = predicted[:, place]
    first = [
        AddedRecord(
            row,
            shown_values(wanted[[row]])[0],
            shown_values(predicted[[row]])[0],
            *(float(columns[name][row]) for name in ("kl_out_in", "auc", "memorization")),
        )
        for row in range(min(NAMED_RECORDS, len(wanted)))
    ]
    return columns, AdditionFindings(len(wanted), tuple(first), targets="values")


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
    # Here out is the fit, and in has the record as well.
    mean_in = cross @ fit.posterior.weights + shift
    measures = {
        **directions.measures(),
        "shift": shift,
        **signed_influence(shift, labels),
        **value_influence(shift, mean_in, real_targets(queries, fit.device)),
    }
    arrays.fill(fit.units.convert_measures(measures))


def targets_of(fit: GaussianFit, added: Queries) -> Tensor:
    """Return the targets of added records, float64 ``[m, c]``."""
    wanted = real_targets(added, fit.device)
    if wanted is not None:
        return wanted
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
