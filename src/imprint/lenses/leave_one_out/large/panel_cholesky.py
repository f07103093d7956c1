"""Cholesky factor, solves and the diagonal of the inverse, panel by panel.

A = LLᵀ is made from left to right: panel j of A is computed where it is to stay, less what the
panels before it say of it, Σ_k L_·k L_jkᵀ, then factored; A itself is never stored. The diagonal
of R = A⁻¹ is the squared lengths of the columns of L⁻¹, found w columns at a time by forward
substitution, and L stays as it was for solving.

n³/3 multiplications and additions each for both, nearly all in matrix products. Besides L they
hold one panel and a few blocks of w × w, and read L once a panel: in a file n³/(2w) values for
each, so wide panels pay. In float32 the sums of squares are still added up in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.large.panels import Panels, aligned
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import (
    add_product,
    cholesky,
    divide_rows,
    substitute,
)

Block = Callable[[slice, slice], Tensor]
"""A of some rows and columns, float64, with the noise on its diagonal."""


class PanelCholesky:
    """A factored positive definite matrix, as an inverse as good as its type of number.

    Args:
        panels: where L is kept; panels that lie there are not made again.
        block: computes A; rows lie in one panel's columns and columns in another's.
        noise: σ². What is factored is A/σ², so that a record with a kernel of 0 has leverage 0 to
            the last bit.
        finished: a file where the diagonal is kept while it is made, to go on from.

    Raises:
        ImprintError: A is not positive definite in this type of number.
    """

    def __init__(
        self, panels: Panels, block: Block, noise: float, finished: Path | None = None
    ) -> None:
        self._panels, self._noise, self._finished = panels, noise, finished
        self._tile, self._across = Buffer(panels), Buffer(panels)
        columns = panels.shape.columns
        for panel in track(range(panels.done, len(columns)), "factor", len(columns) - panels.done):
            panels.write(self._factored(panel, block))

    def solve(self, right: Tensor) -> Tensor:
        """Return Rb for float64 b ``[n, k]``, with the accuracy of the panels."""
        shape = self._panels.shape
        height, count = right.shape
        values = aligned(height, count, shape.dtype, shape.device).copy_(right)
        for panel, columns in enumerate(shape.columns):
            values[columns] = self._substituted(panel, values[columns])
            for rows in shape.below(panel):
                add_product(values[rows], self._tile.read(panel, rows), values[columns], -1)
        for panel, columns in reversed(list(enumerate(shape.columns))):
            own = values[columns]
            for rows in shape.below(panel):
                add_product(own, self._tile.read(panel, rows).T, values[rows], -1)
            corner = self._tile.read(panel, columns)
            values[columns] = torch.linalg.solve_triangular(corner.T, own, upper=True)
        return values.double().div_(self._noise)

    def log_determinant(self) -> float:
        """Return log |A|, summed in float64, with the accuracy of the panels."""
        shape, total = self._panels.shape, 0.0
        for panel, columns in enumerate(shape.columns):
            total += float(self._tile.read(panel, columns).diagonal().double().log().sum())
        return 2 * total + shape.size * math.log(self._noise)

    def diagonal(self) -> tuple[Tensor, Tensor]:
        """Return R_ss and the leverage 1 − σ²R_ss, float64 ``[n]``, the latter not below 0."""
        shape = self._panels.shape
        # Of A/σ².
        inverse = torch.full((shape.size,), torch.nan, dtype=torch.float64)
        if self._finished is not None and self._finished.exists():
            inverse = torch.from_numpy(np.load(self._finished))
        todo = [at for at, columns in enumerate(shape.columns) if inverse[columns].isnan().any()]
        for panel in track(todo, "diagonal of the inverse", len(todo)):
            inverse[shape.columns[panel]] = self._squared_lengths(panel).cpu()
            if self._finished is not None:
                _save(self._finished, inverse)
        inverse = inverse.to(shape.device)
        return inverse / self._noise, (1 - inverse).clamp(min=0)

    def _squared_lengths(self, panel: int) -> Tensor:
        """Return the squared lengths of the columns of L⁻¹ in a panel, ``[w]``."""
        shape = self._panels.shape
        start = shape.columns[panel].start
        rest = shape.new(panel).zero_()
        rest.fill_diagonal_(1)
        lengths = torch.zeros(rest.shape[1], dtype=torch.float64, device=shape.device)
        for other in range(panel, len(shape.columns)):
            columns = shape.columns[other]
            own = self._substituted(other, rest[columns.start - start : columns.stop - start])
            lengths += own.double().square().sum(0)
            for rows in shape.below(other):
                part = rest[rows.start - start : rows.stop - start]
                add_product(part, self._tile.read(other, rows), own, -1)
        return lengths

    def _substituted(self, panel: int, right: Tensor) -> Tensor:
        corner = self._tile.read(panel, self._panels.shape.columns[panel])
        return substitute(corner, right)

    def _factored(self, panel: int, block: Block) -> Tensor:
        """Return a panel of L, the ones before it given."""
        shape = self._panels.shape
        columns = shape.columns[panel]
        result = shape.new(panel)
        parts = [(rows, result[rows.start - columns.start :]) for rows in shape.columns[panel:]]
        parts = [(rows, part[: rows.stop - rows.start]) for rows, part in parts]
        for rows, part in parts:
            part.copy_(block(rows, columns).div_(self._noise))
        for before in range(panel):
            across = self._across.read(before, columns).T
            for rows, part in parts:
                add_product(part, self._tile.read(before, rows), across, -1)
        corner = parts[0][1]
        failed = cholesky(corner)
        if failed:
            raise ImprintError(
                f"the kernel matrix is not positive definite in {str(shape.dtype)[6:]} from row "
                f"{columns.start + failed - 1} on: use the exact method, in float64, or "
                "raise the noise variance"
            )
        for _, part in parts[1:]:
            divide_rows(part, corner)
        return result


class Buffer:
    """Where one block of L at a time is read, at the start of a cache line, whatever keeps it."""

    def __init__(self, panels: Panels) -> None:
        shape = panels.shape
        width = min(shape.width, shape.size)
        self._panels = panels
        self._values = aligned(1, width**2, shape.dtype, shape.device)[0]

    def read(self, panel: int, rows: slice) -> Tensor:
        """Return some rows of a panel, ``[r, w]``, contiguous, until the next call."""
        columns = self._panels.shape.columns[panel]
        height, width = rows.stop - rows.start, columns.stop - columns.start
        block = self._values[: height * width].view(height, width)
        self._panels.read(panel, rows, block)
        return block


def _save(path: Path, values: Tensor) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, values.numpy())
