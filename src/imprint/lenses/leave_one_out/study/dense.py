"""The step of a dense fit: the table of all records, its findings, and the noise path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import FitFindings, NoisePath
from imprint.lenses.leave_one_out.noise_findings import NoiseSelection
from imprint.lenses.leave_one_out.posterior.duplicates import (
    collinear_records,
    influence_with_copies,
    near_copies,
    self_influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.model_quality import density_offset
from imprint.lenses.leave_one_out.posterior.noise_ranking import noise_selection
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.summary import (
    find_duplicates,
    fit_findings,
    path_columns,
    target_facts,
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.record_table import record_table, with_target_groups
from imprint.study.finding import write_finding
from imprint.study.tables import Table

STEP = "leave_one_out"
RECORDS = "records.parquet"
MAX_INVERSE_RESIDUAL = 1e-8
"""‖AR − I‖ / ‖I‖; above it half of the digits are lost, and the user is warned."""


@dataclass(frozen=True, eq=False)
class LeaveOneOut(FindingStep[FitFindings]):
    """Write ``leave_one_out/``: ``records.parquet``, ``findings.json``, ``noise_path.parquet``."""

    fit: GaussianFit

    artefact = STEP
    kind = FitFindings

    def build(self, path: Path) -> None:
        """Write the tables of the fit and its findings."""
        path.mkdir(exist_ok=True)
        columns, findings = leave_one_out(self.fit)
        write_meant(path / RECORDS, columns)
        if findings.noise_path is not None:
            path_values = vars(findings.noise_path).items()
            table = {name: np.array(values) for name, values in path_values if values is not None}
            write_meant(path / "noise_path.parquet", table)
        write_finding(path / self.file, findings)


def leave_one_out(fit: GaussianFit) -> tuple[Table, FitFindings]:
    """Return the table of all records of a dense fit, and its findings.

    Raises:
        ImprintError: a value that is lost in rounding.
    """
    posterior, inputs, targets = fit.posterior, fit.inputs, fit.targets
    copies, matrix = fit.copies, posterior.kernel_matrix
    alone, noise = self_influence(posterior), posterior.noise
    directions = self_influence_with_copies(posterior, copies)
    together = influence_with_copies(alone, directions, targets, noise, copies)
    columns = record_table(fit, together, alone, copies)
    check_columns(columns, noise)
    near, collinear = near_copies(matrix), collinear_records(matrix)
    path = None
    if len(fit.noise) > 1:
        table = path_columns(
            fit.spectrum, targets, matrix.diagonal(), copies, fit.noise, fit.value_units
        )
        path = NoisePath(**{name: tuple(column.tolist()) for name, column in table.items()})
    facts: dict[str, Any] = {}
    if inputs.kind != "classes":
        facts = target_facts(together, targets, columns, inputs.kind)
    if fit.is_noise_chosen:
        offset = density_offset(fit.units)
        facts["noise_selection"] = noise_selection(
            fit.criteria, fit.chosen, fit.noise_by, fit.noise, offset
        )
    return columns, fit_findings(
        columns,
        posterior.outputs,
        find_duplicates(with_target_groups(columns, targets, inputs.kind), copies, near, collinear),
        kernel=fit.kernel_settings,
        kernel_error=fit.kernel_error,
        noise=noise,
        classes=inputs.classes,
        log_evidence=posterior.log_evidence - len(targets) * density_offset(fit.units),
        inverse_residual=posterior.inverse_residual(),
        noise_path=path,
        **facts,
    )


def report_fit(findings: FitFindings) -> FitFindings:
    """Say which records have exact copies, and whether digits are lost; return the findings."""
    copies, residual = findings.duplicates.exact, findings.inverse_residual
    report_noise(findings.noise_selection)
    if copies.groups:
        log(
            f"{copies.records} records have exact copies, {list(copies.first[0])} for instance: "
            "copies are left out together and count once; values of one alone are in the columns "
            "…_alone"
        )
    if residual is not None and residual > MAX_INVERSE_RESIDUAL:
        log(
            f"the inverse of the kernel matrix is off by {residual:.0e}: half of the digits or "
            "more are lost, and a larger --noise brings them back"
        )
    return findings


def report_noise(selection: NoiseSelection | None) -> None:
    """Say which noise variances the data chose, and where a choice ends the searched range."""
    if selection is None:
        return
    for name, choice in (("density", selection.density), ("evidence", selection.evidence)):
        beyond = ", at an end of the searched range" * choice.at_edge
        log(f"noise variance by {name}: {choice.noise:.3g}{beyond}")


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
