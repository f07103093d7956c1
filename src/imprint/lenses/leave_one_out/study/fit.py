"""The steps of a study that end in the leave-one-out findings: fit, tabulate, ask, show.

A fit is a Cholesky factor of the kernel matrix, seconds for thousands of records. It is computed
again when more is asked of it, and only tables are kept: a matrix is n times as large as its
records.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel, kernel_settings
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.posterior.duplicates import (
    collinear_records,
    exact_copies,
    influence_with_copies,
    near_copies,
    self_influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.findings import fit_findings, path_columns
from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.options import LeaveOneOutChoice
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, check_scale, fit
from imprint.lenses.leave_one_out.posterior.records import record_columns
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import Table, read_table, write_table

STEP = "leave_one_out"
RECORDS = "records.parquet"
PATH = "noise_path.parquet"
MATRICES = 4
"""Of n × n numbers at the same time: kernel, factor, inverse and a copy in the making."""
COARSE = 1e-8
"""Residual of the inverse from which on it is told."""
WITH_PATH = 4
"""As many more for an eigendecomposition."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit that is computed when something of it is first asked for.

    Attributes:
        inputs: the records.
        choice: kernel and noise.
        device: where matrices are.
    """

    inputs: Inputs
    choice: LeaveOneOutChoice
    device: torch.device

    @property
    def settings(self) -> dict[str, Any]:
        """Everything tables depend on, as JSON values."""
        return {
            "kernel": kernel_settings(self.choice),
            "noise": list(self.choice.noise),
            "outputs": self.choice.outputs,
            "inputs": self.inputs.hash(),
        }

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return chosen_kernel(self.choice)

    @cached_property
    def values(self) -> Tensor:
        """The inputs, float64 ``[n, ...]``."""
        return torch.from_numpy(self.inputs.values).to(self.device)

    @cached_property
    def labels(self) -> Tensor:
        """Classes, int64 ``[n]``."""
        return torch.from_numpy(self.inputs.labels).to(self.device)

    @property
    def targets(self) -> Tensor:
        """Centred indicators of the classes, float64 ``[n, c]``."""
        return centred_one_hot(self.labels, len(self.inputs.classes), self.choice.outputs)

    @cached_property
    def posterior(self) -> Posterior:
        """The fit at the first noise variance."""
        matrix = self.kernel(self.values)
        for noise in self.choice.noise:
            check_scale(matrix.diagonal(), noise)
        return fit(matrix, self.targets, self.choice.noise[0])


def check_fit(
    inputs: Inputs,
    choice: LeaveOneOutChoice,
    device: torch.device,
    dense: bool = True,
    instead: str = "",
) -> Fit:
    """Return a fit that can be made.

    Args:
        inputs: the records.
        choice: kernel and noise.
        device: where matrices are.
        dense: whether the whole kernel matrix and its inverse are to be kept.
        instead: what the message is to offer first where these do not fit.

    Raises:
        ImprintError: options of the kernel, noise or outputs that will not do, or too many records
            for the memory of this machine.
    """
    chosen_kernel(choice)
    if not choice.noise:
        raise ImprintError("--noise is empty: give a variance, such as 0.1")
    for noise in choice.noise:
        if not 0 < noise < np.inf:
            raise ImprintError(
                f"--noise {noise:g} will not do, a variance is positive and finite: without noise "
                "the model with a record knows its label, and every divergence is infinite"
            )
    if choice.outputs == "contrast" and len(inputs.classes) != 2:
        raise ImprintError(
            f"--outputs contrast needs 2 classes, not {len(inputs.classes)}: "
            "choose --outputs classes"
        )
    if dense:
        _check_memory(len(inputs.index), len(choice.noise) > 1, device, instead)
    return Fit(inputs, choice, device)


def check_one_noise(choice: LeaveOneOutChoice) -> None:
    """Check that there is one noise variance, where more would go unused.

    Raises:
        ImprintError: there are several.
    """
    if len(choice.noise) > 1:
        raise ImprintError(
            f"--noise has {len(choice.noise)} variances, and only a fit makes a path of several: "
            "give one"
        )


def leave_one_out_steps(study: Study, found: Fit) -> dict[str, Any]:
    """Fit, write ``leave_one_out/``, tell of duplicates; return the findings.

    Args:
        study: gets ``leave_one_out``: ``records.parquet``, ``findings.json`` and, of several
            noises, ``noise_path.parquet``.
        found: from :func:`check_fit`.
    """
    folder = study.step(STEP, found.settings, lambda path: write_fit(path, found))
    findings: dict[str, Any] = read_json(folder / "findings.json")
    tell_copies(findings)
    if findings["inverse_residual"] > COARSE:
        log(
            f"the inverse of the kernel matrix is off by {findings['inverse_residual']:.0e}: half "
            "of the digits or more are lost, and a larger --noise brings them back"
        )
    return findings


def tell_copies(findings: dict[str, Any]) -> None:
    """Say which records have exact copies, if some have."""
    copies = findings["duplicates"]["exact"]
    if copies["groups"]:
        log(
            f"{copies['records']} records have exact copies, {copies['first'][0]} for instance: "
            "copies are left out together and count once; values of one alone are in the columns "
            "…_alone"
        )


def write_fit(folder: Path, found: Fit) -> None:
    """Write the tables of a fit and its findings into a new folder."""
    folder.mkdir(exist_ok=True)
    posterior, inputs = found.posterior, found.inputs
    copies = exact_copies(inputs.given)
    near = near_copies(posterior.kernel_matrix)
    collinear = collinear_records(posterior.kernel_matrix)
    named = {"index": inputs.index, "label": inputs.labels}
    alone, noise = self_influence(posterior), posterior.noise
    directions = self_influence_with_copies(posterior, copies)
    together = influence_with_copies(alone, directions, posterior.targets, noise, copies)
    columns = {**named, **record_columns(together, alone, posterior.targets, copies)}
    check_columns(columns, posterior.noise)
    write_table(folder / RECORDS, columns)
    findings = {
        "kernel": kernel_settings(found.choice),
        "noise": posterior.noise,
        "classes": list(inputs.classes),
        **fit_findings(columns, posterior.outputs, copies, near, collinear),
        "inverse_residual": posterior.inverse_residual(),
    }
    if len(found.choice.noise) > 1:
        decomposition = spectrum(posterior.kernel_matrix)
        noises = found.choice.noise
        variances = posterior.kernel_matrix.diagonal()
        path = path_columns(decomposition, posterior.targets, variances, copies, noises)
        write_table(folder / PATH, path)
        findings["noise_path"] = {name: column.tolist() for name, column in path.items()}
    write_json(folder / "findings.json", findings)


def check_columns(columns: Table, noise: float) -> None:
    """Check that all values of the records are numbers.

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


def read_records(study: Study) -> dict[str, Any]:
    """Return the table of records of a study."""
    return read_table(study.path(STEP) / RECORDS)


def double_device(name: str) -> torch.device:
    """Return the device of that name that has float64: CUDA if there and not declined, else CPU.

    Raises:
        ImprintError: this machine lacks the device, or the device lacks float64.
    """
    from imprint.core.device import choose_device

    device = choose_device(name)
    if device.type != "mps":
        return device
    if name == "auto":
        return torch.device("cpu")
    raise ImprintError("--device mps has no float64, which a leave-one-out difference needs: cpu")


def _check_memory(records: int, with_path: bool, device: torch.device, instead: str) -> None:
    matrices = MATRICES + (WITH_PATH if with_path else 0)
    needed, free = matrices * 8 * records**2, free_memory(device)
    if free is not None and needed > free:
        fits = int((free / (8 * matrices)) ** 0.5)
        raise ImprintError(
            f"{records:,} records need {needed / 1e9:,.1f} GB for their kernel matrix and its "
            f"inverse, and {free / 1e9:,.1f} GB are free: choose {instead}--records {fits} or fewer"
        )
