"""Solutions of A x = b for many right sides, block by block, in memory or in files.

Of each right side b are kept x or some of its entries, and four numbers:

    ‖r‖, r = b − Ax;   ‖b‖;   bᵀx + xᵀr, which is bᵀRb up to rᵀRr ≤ ‖r‖²/σ²;
    max_s |R̂r|_s / √R_ss, which estimates what is missing of x.

In a folder, a block counts once its numbers lie on the disk: a killed run goes on behind the last
one. x has the precision of the residual, so that ``solved.npy`` holds float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.core.durable import telling_disk_errors
from imprint.core.errors import ImprintError
from imprint.core.progress import log, track
from imprint.lenses.leave_one_out.large.conjugate_gradients import Solution, converged, solve
from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior
from imprint.study.json_io import read_json, write_json

RESIDUAL, NORM, QUADRATIC, MISSING = range(4)
DEFAULT_PASSES = 200
TOLERANCES = {"nystrom": 1e-4}
DEFAULT_TOLERANCE = 1e-8


@dataclass(frozen=True)
class SolverChoice:
    """When conjugate gradients stop.

    Attributes:
        tolerance: ‖r‖ over ‖b‖.
        passes: over A at most; None to go on until the tolerance is reached.
    """

    tolerance: float
    passes: int | None = None


def solver_choice(method: str, tolerance: float | None, passes: int | None) -> SolverChoice:
    """Return what was asked for, or the default of the method."""
    usual = TOLERANCES.get(method, DEFAULT_TOLERANCE)
    return SolverChoice(usual if tolerance is None else tolerance, passes)


class Solutions:
    """What is kept of the solutions, in the order of the right sides.

    Args:
        lengths: entries of x kept of each right side, int64 ``[q]``.
        folder: of ``solved.npy`` (all entries in one row), ``facts.npy`` ``[q, 4]`` and
            ``done.json``; None keeps them in memory.

    Attributes:
        facts: the four numbers of each, float64 ``[q, 4]``.
        done: how many are solved.
        passes: over A, the most that a block took.
    """

    def __init__(self, lengths: Sequence[int], folder: Path | None = None) -> None:
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._folder, self.done, self.passes = folder, 0, 0
        count, total = len(lengths), int(self._starts[-1])
        if folder is None:
            self._solved, self.facts = np.empty(total), np.empty((count, 4))
            return
        with telling_disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            state = folder / "done.json"
            if state.exists():
                kept = read_json(state)
                self.done, self.passes = int(kept["done"]), int(kept["passes"])
            mode = "r+" if state.exists() else "w+"
            self._solved = _mapped(folder / "solved.npy", mode, (total,))
            self.facts = _mapped(folder / "facts.npy", mode, (count, 4))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def relative_residual(self) -> FloatArray:
        """‖r‖ over ‖b‖, ``[q]``; 0 where b is."""
        norm = np.asarray(self.facts[:, NORM])
        residual = np.asarray(self.facts[:, RESIDUAL])
        return np.divide(residual, norm, out=np.zeros_like(norm), where=norm > 0)

    def write(self, entries: Sequence[FloatArray], facts: FloatArray, passes: int) -> None:
        """Keep the next block: entries of x of each right side, and its facts ``[k, 4]``."""
        start, stop = self.done, self.done + len(entries)
        for row, values in zip(range(start, stop), entries, strict=True):
            self._solved[self._starts[row] : self._starts[row + 1]] = values
        self.facts[start:stop] = facts
        self.done, self.passes = stop, max(self.passes, passes)
        if self._folder is not None:
            with telling_disk_errors(self._folder):
                self._solved.flush()  # type: ignore[attr-defined]  # a memory map
                self.facts.flush()  # type: ignore[attr-defined]
            write_json(self._folder / "done.json", {"done": self.done, "passes": self.passes})

    def entries(self, row: int) -> FloatArray:
        """Return what is kept of one solution."""
        values: FloatArray = self._solved[self._starts[row] : self._starts[row + 1]]
        return values

    @property
    def table(self) -> FloatArray:
        """All solutions in rows, ``[q, n]``, where the same number is kept of each."""
        values: FloatArray = self._solved.reshape(len(self), -1)
        return values


def solve_all(
    posterior: LargePosterior,
    solutions: Solutions,
    right_sides: Callable[[slice], Tensor],
    kept: Callable[[int, Tensor], Tensor],
    choice: SolverChoice,
) -> None:
    """Solve for all right sides that are not done.

    Args:
        posterior: the fit.
        solutions: where they are kept.
        right_sides: returns some of them, float64 ``[n, k]``.
        kept: returns the entries to keep of the x ``[n]`` of a right side, by its number.
        choice: when to stop.

    Raises:
        ImprintError: the conjugate gradients did not converge, and no number of passes was asked
            for; or the disk is full.
    """
    start, count = solutions.done, len(solutions)
    width = min(posterior.columns, max(1, count - start))
    starts = range(start, count, width)
    if start < count:
        log(
            f"solving for {count - start:,} right sides of {posterior.records:,} records, "
            f"{width:,} at a time"
        )
    for first in track(starts, "solve", len(starts), "block"):
        part = slice(first, min(first + width, count))
        right = right_sides(part)
        if not bool(right.isfinite().all()):
            column = int((~right.isfinite()).any(0).nonzero()[0])
            raise ImprintError(
                f"the kernel of input {first + column} is too large for float64: choose inputs "
                "nearer to the records"
            )
        solution = solve(
            posterior.matrix,
            posterior.inverse.solve,
            right,
            choice.tolerance,
            choice.passes or DEFAULT_PASSES,
        )
        if choice.passes is None:
            converged(solution)
        columns = zip(range(part.start, part.stop), solution.values.T, strict=True)
        entries = [kept(row, column).cpu().numpy() for row, column in columns]
        solutions.write(entries, _facts(posterior, right, solution), solution.passes)


def _facts(posterior: LargePosterior, right: Tensor, solution: Solution) -> FloatArray:
    missing = solution.error.abs() / posterior.kept.diagonal.sqrt()[:, None]
    quadratic = (right * solution.values).sum(0) + (solution.values * solution.residual).sum(0)
    residual, norm = solution.residual.norm(dim=0), right.norm(dim=0)
    facts = torch.stack([residual, norm, quadratic, missing.amax(0)], 1)
    values: FloatArray = facts.cpu().numpy()
    return values


def _mapped(file: Path, mode: str, shape: tuple[int, ...]) -> FloatArray:
    if mode == "w+":
        new: FloatArray = np.lib.format.open_memmap(file, mode="w+", dtype=np.float64, shape=shape)
        return new
    try:
        values: FloatArray = np.load(file, mmap_mode="r+", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ImprintError(f"{file} is damaged: delete its folder, run again") from error
    if values.shape != shape or values.dtype != np.float64:
        raise ImprintError(f"{file} is damaged: delete its folder, run again")
    return values
