"""Exact solutions of A x = b, A = K + σ²I, with K computed anew in each pass and never stored.

Conjugate gradients on many right sides at once, each with its own steps, preconditioned by any
approximate inverse. A float32 Cholesky factor takes four or five passes to float64, a low-rank one
some tens. The preconditioner may round: the direction is chosen by the flexible formula of
Polak and Ribière (Notay 2000, "Flexible conjugate gradients").

A ≥ σ²I turns the residual r into certain bounds: ‖x − x*‖ ≤ ‖r‖/σ², and for the entry of the
inverse at its own right side e_s the error is even of second order,

    x_s + xᵀr  ≤  R_ss  ≤  x_s + xᵀr + ‖r‖²/σ².
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.kernels.tiles import MEMORY, PreparedInputs
from imprint.lenses.leave_one_out.linalg.threads import blocks
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import add_product

BLOCK = 2048
"""Rows and columns of K that exist at a time."""


@dataclass(frozen=True)
class StreamedMatrix:
    """A = K + σ²I of some records, computed where it is needed.

    Attributes:
        kernel: k.
        records: prepared by the kernel.
        noise: σ².
        memory: bytes of temporaries the kernel may use.
        block: rows and columns at a time.
    """

    kernel: Kernel
    records: PreparedInputs
    noise: float
    memory: int = MEMORY
    block: int = BLOCK

    def part(self, rows: slice, columns: slice) -> Tensor:
        """Return some rows and columns, float64; either the same or apart."""
        if rows != columns:
            first, second = self.records.part(rows), self.records.part(columns)
            return self.kernel(first, second, memory=self.memory)
        square = self.kernel(self.records.part(rows), memory=self.memory)
        square.diagonal().add_(self.noise)
        return square

    def times(self, vectors: Tensor) -> Tensor:
        """Return AV for float64 V ``[n, k]``, each pair of records computed once."""
        result = torch.zeros_like(vectors)
        parts = blocks(len(self.records), self.block)
        for at, rows in enumerate(parts):
            for columns in parts[: at + 1]:
                tile = self.part(rows, columns)
                add_product(result[rows], tile, vectors[columns])
                if rows != columns:
                    add_product(result[columns], tile.T, vectors[rows])
        return result


@dataclass(frozen=True, eq=False)
class Solution:
    """What came of A X = B.

    Attributes:
        values: X, float64 ``[n, k]``.
        residual: B − AX, float64 ``[n, k]``.
        passes: how often A was computed.
        converged: whether every column reached the tolerance.
        error: R̂(B − AX), an estimate of A⁻¹B − X, float64 ``[n, k]``.
    """

    values: Tensor
    residual: Tensor
    passes: int
    converged: bool
    error: Tensor


def solve(
    matrix: StreamedMatrix,
    precondition: Callable[[Tensor], Tensor],
    right: Tensor,
    tolerance: float,
    most_passes: int = 200,
) -> Solution:
    """Solve for every column of the right side.

    Args:
        matrix: A.
        precondition: an approximate inverse of A, ``[n, k]`` to ``[n, k]``.
        right: B, float64 ``[n, k]``.
        tolerance: ‖r‖ over ‖b‖ at which a column is done.
        most_passes: over A, at which all are done.
    """
    wanted = tolerance * right.norm(dim=0)
    values, residual = torch.zeros_like(right), right.clone()
    better = precondition(residual)
    direction = better.clone()
    slope = (residual * better).sum(0)
    passes = 0
    while passes < most_passes and not bool((residual.norm(dim=0) <= wanted).all()):
        image = _with_progress(matrix, direction, residual, passes)
        passes += 1
        curvature = (direction * image).sum(0)
        # A column whose residual is 0 has no direction left and must not divide by it.
        step = torch.where(curvature > 0, slope / curvature, 0.0)
        values += step * direction
        change = image.mul_(step)
        residual -= change
        better = precondition(residual)
        turned = -(change * better).sum(0)
        direction.mul_(torch.where(slope > 0, turned / slope, 0.0)).add_(better)
        slope = (residual * better).sum(0)
    converged = bool((residual.norm(dim=0) <= wanted).all())
    return Solution(values, residual, passes, converged, better)


def _with_progress(
    matrix: StreamedMatrix, direction: Tensor, residual: Tensor, passes: int
) -> Tensor:
    """Return A times the direction; of a pass that takes seconds, say so."""
    start = time.monotonic()
    image = matrix.times(direction)
    seconds = time.monotonic() - start
    if seconds > 2:
        worst = float(residual.norm(dim=0).max())
        log(
            f"conjugate gradients: pass {passes + 1} in {seconds:,.0f} s, largest residual before "
            f"it {worst:.1e}"
        )
    return image


def unit_vectors(records: Tensor, count: int) -> Tensor:
    """Return e_s of some records in columns, float64 ``[count, k]``."""
    units = torch.zeros(count, len(records), dtype=torch.float64, device=records.device)
    units[records, torch.arange(len(records), device=records.device)] = 1
    return units


def inverse_entries(
    columns: Tensor, residual: Tensor, records: Tensor, noise: float
) -> tuple[Tensor, Tensor]:
    """Return R_ss and a bound on its error, float64 ``[k]``, from solutions of A X = (e_s).

    The estimate never exceeds the truth, up to rounding.

    Args:
        columns: X, ``[n, k]``.
        residual: (e_s) − AX, ``[n, k]``.
        records: s, ``[k]``.
        noise: σ².
    """
    own = columns[records, torch.arange(len(records), device=records.device)]
    corrected = own + (columns * residual).sum(0)
    return corrected, residual.square().sum(0) / noise


def converged(solution: Solution) -> Solution:
    """Return the solution.

    Raises:
        ImprintError: it is none.
    """
    if not solution.converged:
        raise ImprintError(
            f"conjugate gradients did not converge in {solution.passes} passes: take more "
            "landmarks, a larger tolerance, or a larger noise variance"
        )
    return solution
