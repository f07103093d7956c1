"""The step that adds records which the fit lacks, each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.lenses.leave_one_out.findings import AddedRecord, AdditionFindings
from imprint.lenses.leave_one_out.posterior.additions import Candidates, candidates
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.queries import signed_influence
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.study.fitted import Fit
from imprint.lenses.leave_one_out.study.inputs import Queries
from imprint.lenses.leave_one_out.study.measures import MeasureFiles
from imprint.lenses.leave_one_out.study.queries import on_device
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

NAMED_RECORDS = 20
"""Added records that the findings name."""


@dataclass(frozen=True, eq=False)
class AddRecords(Step):
    """Write ``additions.parquet``, a row per record; of queries ``MEASURE.npy`` ``[m, q]``.

    *Out* is the fit, and *in* has the record as well.
    """

    fit: Fit
    added: Queries
    queries: Queries | None

    artefact = "leave_one_out/additions"

    def build(self, path: Path) -> None:
        """Write the table and the arrays."""
        path.mkdir(exist_ok=True)
        fit, classes = self.fit, self.fit.inputs.classes
        values, labels = on_device(self.added, fit.device)
        assert labels is not None
        targets = centred_one_hot(labels, len(classes), fit.outputs)
        cross = fit.kernel(values, fit.values)
        added = candidates(fit.posterior, cross, fit.kernel.diagonal(values), targets)
        columns = {
            "index": np.arange(len(values)),
            "label": np.asarray(self.added.labels),
            **addition_columns(added),
        }
        write_table(path / "additions.parquet", columns)
        first = tuple(
            AddedRecord(
                row,
                classes[int(columns["label"][row])],
                classes[int(columns["prediction_out"][row])],
                *(float(columns[name][row]) for name in ("kl_out_in", "auc", "memorization")),
            )
            for row in range(min(NAMED_RECORDS, len(values)))
        )
        findings = AdditionFindings(len(values), first)
        if self.queries is not None:
            count, names = len(self.queries.queries), self._at_queries(path, added)
            findings = AdditionFindings(len(values), first, count, names)
        write_finding(path / "additions.json", findings)

    def _at_queries(self, folder: Path, added: Candidates) -> tuple[str, ...]:
        """Write what each added record does to each query; return the names of the measures."""
        assert self.queries is not None
        fit = self.fit
        values, labels = on_device(self.queries, fit.device)
        records, _ = on_device(self.added, fit.device)
        cross, between = fit.kernel(values, fit.values), fit.kernel(values, records)
        directions = added.at_queries(between, cross, fit.kernel.diagonal(values))
        shift = added.shift_at_queries(between, cross)
        files = MeasureFiles(folder, len(records), len(values))
        files.write({**directions.measures(), "shift": shift, **signed_influence(shift, labels)})
        names = files.names
        files.close()
        return names


def add_records(
    study: Study, fit: Fit, added: Queries, queries: Queries | None
) -> AdditionFindings:
    """Run the step; return what was written.

    Args:
        study: the folder.
        fit: without the records.
        added: the records, with labels.
        queries: at which the models with each of them are evaluated as well.
    """
    folder = study.run(AddRecords(fit, added, queries))
    return read_finding(AdditionFindings, folder / "additions.json")


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
