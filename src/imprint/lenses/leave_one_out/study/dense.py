"""The step of a dense fit: the table of all records, its findings, and the noise path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.findings import FitFindings, NoisePath
from imprint.lenses.leave_one_out.posterior.duplicates import (
    collinear_records,
    exact_copies,
    influence_with_copies,
    near_copies,
    self_influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.records import record_columns
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.summary import (
    find_duplicates,
    fit_findings,
    path_columns,
)
from imprint.lenses.leave_one_out.study.fitted import Fit
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, write_table

STEP = "leave_one_out"
RECORDS = "records.parquet"
FINDINGS = "findings.json"
MAX_INVERSE_RESIDUAL = 1e-8
"""‖AR − I‖ / ‖I‖; above it half of the digits are lost, and the user is warned."""


@dataclass(frozen=True, eq=False)
class LeaveOneOut(Step):
    """Write ``leave_one_out/``: ``records.parquet``, ``findings.json``, ``noise_path.parquet``."""

    fit: Fit

    artefact = STEP

    def build(self, path: Path) -> None:
        """Write the tables of the fit and its findings."""
        path.mkdir(exist_ok=True)
        posterior, inputs, targets = self.fit.posterior, self.fit.inputs, self.fit.targets
        copies = exact_copies(inputs.raw)
        near = near_copies(posterior.kernel_matrix)
        collinear = collinear_records(posterior.kernel_matrix)
        alone, noise = self_influence(posterior), posterior.noise
        directions = self_influence_with_copies(posterior, copies)
        together = influence_with_copies(alone, directions, targets, noise, copies)
        columns = {
            "index": inputs.index,
            "label": inputs.labels,
            **record_columns(together, alone, targets, copies),
        }
        check_columns(columns, noise)
        write_table(path / RECORDS, columns)
        findings = fit_findings(
            columns,
            posterior.outputs,
            find_duplicates(columns, copies, near, collinear),
            kernel=self.fit.kernel_settings,
            noise=noise,
            classes=inputs.classes,
            inverse_residual=posterior.inverse_residual(),
            noise_path=None if len(self.fit.noise) == 1 else self._write_path(path),
        )
        write_finding(path / FINDINGS, findings)

    def _write_path(self, folder: Path) -> NoisePath:
        posterior = self.fit.posterior
        columns = path_columns(
            spectrum(posterior.kernel_matrix),
            posterior.targets,
            posterior.kernel_matrix.diagonal(),
            exact_copies(self.fit.inputs.raw),
            self.fit.noise,
        )
        write_table(folder / "noise_path.parquet", columns)
        return NoisePath(**{name: tuple(column.tolist()) for name, column in columns.items()})


def leave_one_out(study: Study, fit: Fit) -> FitFindings:
    """Run the step, report duplicates and lost digits; return the findings."""
    findings = read_finding(FitFindings, study.run(LeaveOneOut(fit)) / FINDINGS)
    report_duplicates(findings)
    residual = findings.inverse_residual
    if residual is not None and residual > MAX_INVERSE_RESIDUAL:
        log(
            f"the inverse of the kernel matrix is off by {residual:.0e}: half of the digits or "
            "more are lost, and a larger --noise brings them back"
        )
    return findings


def report_duplicates(findings: FitFindings) -> None:
    """Say which records have exact copies, if some have."""
    copies = findings.duplicates.exact
    if copies.groups:
        log(
            f"{copies.records} records have exact copies, {list(copies.first[0])} for instance: "
            "copies are left out together and count once; values of one alone are in the columns "
            "…_alone"
        )


def check_columns(columns: Table, noise: float) -> None:
    """Check that all values of the records are finite.

    Raises:
        ImprintError: one is not, which rounding does at a small noise variance.
    """
    for name, column in columns.items():
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise ImprintError(
                f"{name} of record {columns['index'][row]} is lost in rounding at --noise "
                f"{noise:g}: raise it"
            )
