"""A fit by a method other than dense, as queries of it need it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.large.approximate_inverse import TRIANGLES
from imprint.lenses.leave_one_out.large.fit import DEFAULT_MEMORY, FREE_MEMORY_SHARE
from imprint.lenses.leave_one_out.large.kept_fit import read_kept_fit
from imprint.lenses.leave_one_out.large.large_posterior import (
    LargePosterior,
    large_posterior,
)
from imprint.lenses.leave_one_out.large.memory_plan import LargeOptions
from imprint.lenses.leave_one_out.large.panels import kept_width
from imprint.lenses.leave_one_out.large.solutions import Solutions, SolverChoice, solver_choice
from imprint.lenses.leave_one_out.options import FitOptions, SolverOptions
from imprint.lenses.leave_one_out.solve_accuracy import SolveAccuracy
from imprint.lenses.leave_one_out.study.dense import STEP
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.stats.quantile import quantile
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding
from imprint.study.hashing import hash_file

KEPT = "inverse.npz"
FACTOR = "leave_one_out_factor"


@dataclass(frozen=True, eq=False)
class LargeModel:
    """What solutions and measures depend on.

    Attributes:
        fit: records, kernel and noise.
        method: of the fit.
        kept: hash of what the fit kept.
        solver: when conjugate gradients stop.
        posterior: the fit at work.
    """

    fit: GaussianFit
    method: str
    kept: str
    solver: SolverChoice
    posterior: LargePosterior = uncounted()


def open_model(
    fit: GaussianFit,
    folder: Path,
    options: FitOptions,
    solver: SolverOptions,
    memory: int,
    factor: Path,
) -> LargeModel:
    """Return a finished fit for queries.

    Args:
        fit: its records.
        folder: the study of the fit.
        options: of the fit.
        solver: of the queries.
        memory: bytes that may be used.
        factor: where a factor is kept if the fit kept none, on wish or of out_of_core.

    Raises:
        ImprintError: the fit kept nothing for queries, or not one query fits the memory.
    """
    path = folder / STEP
    if not (path / KEPT).is_file():
        raise ImprintError(
            f"{path} has no {KEPT}, which queries need: an earlier version made it, fit again"
        )
    approximation = read_finding(FitFindings, path / "findings.json").approximation
    assert approximation is not None
    method, kept = approximation.method, read_kept_fit(path / KEPT)
    if len(kept.diagonal) != len(fit.inputs.index):
        raise ImprintError(f"{path / KEPT} is of other records: fit again")
    settings = LargeOptions(
        method="auto" if method not in TRIANGLES else "exact",
        factor=_factor_folder(folder, method, factor, options.keep_factor),
        landmarks=options.landmarks,
        seed=options.seed,
    )
    posterior = large_posterior(
        fit.kernel,
        fit.values,
        fit.targets,
        fit.noise[0],
        kept,
        method,
        memory,
        settings,
    )
    choice = solver_choice(method, solver.tolerance, solver.passes)
    return LargeModel(fit, method, hash_file(path / KEPT), choice, posterior)


def _factor_folder(folder: Path, method: str, factor: Path, keep: bool) -> Path | None:
    """Return the folder of a factor that was kept, or where one is to be; None for in memory."""
    if method not in TRIANGLES:
        return None
    if kept_width(folder / FACTOR) is not None:
        return folder / FACTOR
    return factor if keep or method == "out_of_core" else None


def memory_bytes(memory: float | None, device: torch.device) -> int:
    """Return the bytes that GiB are, or most of those that are free."""
    if memory is not None:
        return int(memory * 2**30)
    return max(1, int(FREE_MEMORY_SHARE * (free_memory(device) or DEFAULT_MEMORY)))


def solve_accuracy(
    model: LargeModel,
    solutions: Solutions,
    at_most: dict[str, float],
    about: dict[str, float] | None = None,
) -> SolveAccuracy:
    """Return what the solutions reached, with errors by measure."""
    off = model.posterior.kept.diagonal_error.abs().cpu().numpy()
    count = model.posterior.records
    return SolveAccuracy(
        method=model.method,
        tolerance=model.solver.tolerance,
        residual=float(solutions.relative_residual.max()),
        passes=solutions.passes,
        right_sides=len(solutions),
        error_at_most=_finite(at_most),
        error_about=_finite(about or {}),
        diagonal_error=(quantile(off, 0.5, count).value, quantile(off, 0.95, count).value),
    )


def _finite(errors: dict[str, float]) -> dict[str, float]:
    """Return the bounds that there are: a variance below its own error leaves none."""
    return {name: error for name, error in errors.items() if math.isfinite(error)}
