"""How much memory each way to the self values takes, and which of them fits.

With n records, k right sides (targets and the records whose values are checked), p probes and m
landmarks, in bytes:

    exact         8 · n²/2     a float64 triangle
    hybrid        4 · n²/2     a float32 triangle
    nystrom       8 · n (2 m + 6 p) and 6 · 8 n for each record that may be extreme
    out_of_core   4 · n w      one panel of w columns, as wide as the memory allows

and for all of them the prepared records, 6 · 8 n k for the conjugate gradients, and tiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.tiles import MEMORY
from imprint.lenses.leave_one_out.large.conjugate_gradients import BLOCK

PANEL_WIDTH = 1024
"""Columns of a panel in memory: large enough for products at full speed."""
CANDIDATES = 64
"""Records that nystrom solves for because they may be extreme."""
MIN_PANEL_WIDTH = 32
MAX_PANEL_WIDTH = 8192
WHY_SAMPLE = "fewer leave the 95 % quantile of the error without an upper bound"


@dataclass(frozen=True)
class Demand:
    """What a fit has to hold.

    Attributes:
        size: n.
        records: bytes of the prepared records.
        right_sides: k.
        landmarks: m.
        probes: p.
    """

    size: int
    records: int
    right_sides: int
    landmarks: int
    probes: int

    def common(self, memory: int | None) -> int:
        """Return the bytes that every method takes."""
        tile = block_rows(self.size, memory)
        solving = 6 * 8 * self.size * self.right_sides
        return self.records + solving + 2 * 8 * tile**2 + kernel_memory(memory)

    def total(self, method: str, memory: int | None) -> int:
        """Return the bytes of a method in memory."""
        return self.common(memory) + self.own(method)

    def own(self, method: str) -> int:
        """Return the bytes of what a method in memory keeps."""
        if method == "nystrom":
            columns = 2 * self.landmarks + 6 * (self.probes + CANDIDATES)
            return 8 * (self.size * columns + 4 * self.landmarks**2)
        item = 8 if method == "exact" else 4
        width = panel_width(self.size)
        return item * (self.size * (self.size + width) // 2 + self.size * width + 4 * width**2)


def kernel_memory(memory: int | None) -> int:
    """Return the bytes of temporaries that the kernel may use."""
    return MEMORY if memory is None else min(MEMORY, memory // 8)


def block_rows(size: int, memory: int | None) -> int:
    """Return how many rows and columns of K to compute at a time."""
    most = BLOCK if memory is None else math.isqrt(memory // 128)
    return max(1, min(size, BLOCK, most))


def panel_width(size: int) -> int:
    """Return how many columns a panel in memory has."""
    return min(PANEL_WIDTH, max(1, math.ceil(size / 4)))


def panel_width_within(demand: Demand, memory: int, item: int) -> int:
    """Return how many columns a panel out of memory may have.

    Raises:
        ImprintError: not even a narrow one fits.
    """
    room = memory - demand.common(memory)
    # Panel, and of w × w: two blocks of L, two results of solves, a float64 tile of the kernel.
    blocks, linear = 4 * item + 16, item * demand.size
    width = 0
    if room > 0:
        width = int((math.sqrt(linear**2 + 4 * blocks * room) - linear) / (2 * blocks))
    least = min(MIN_PANEL_WIDTH, demand.size)
    if width < least:
        needed = demand.common(memory) + linear * least + blocks * least**2
        raise too_small(memory, needed, "out_of_core")
    return min(width, MAX_PANEL_WIDTH, demand.size)


COLUMN_ARRAYS = 10
"""Float64 numbers a record that conjugate gradients hold for each right side of a query."""
DISK_SHARE = 4
"""A factor on disk leaves all but this share of the memory to right sides."""


def columns_within(demand: Demand, method: str, memory: int, on_disk: bool) -> int:
    """Return how many right sides fit beside what a method keeps.

    Args:
        demand: of the fit, without right sides.
        method: that made it.
        memory: bytes.
        on_disk: whether the factor lies there.

    Raises:
        ImprintError: not even one.
    """
    in_memory = method == "nystrom" or not (on_disk or method == "out_of_core")
    own = demand.own(method) if in_memory else memory // DISK_SHARE
    needed = demand.common(memory) + own
    column = column_bytes(demand.size)
    if needed + column > memory:
        raise too_small(memory, needed + column, method)
    return (memory - needed) // column


def column_bytes(size: int) -> int:
    """Return the bytes of a right side of a query while it is solved for."""
    return 8 * COLUMN_ARRAYS * size


def too_small(memory: int, needed: int, method: str) -> ImprintError:
    """Return the error that says what a method takes."""
    return ImprintError(
        f"{memory / 2**20:,.0f} MiB of memory are too little for the method {method}, which takes "
        f"{needed / 2**20:,.0f} MiB here: allow more, check fewer records, or choose another method"
    )


Method = Literal["auto", "exact", "hybrid", "out_of_core", "nystrom"]


@dataclass(frozen=True, kw_only=True)
class LargeOptions(Checked):
    """How to fit many records."""

    method: Method = "auto"
    """auto takes the first of exact, hybrid, out_of_core (with a workspace) and nystrom to fit."""
    memory: Annotated[int | None, Bounds(least=1)] = None
    """Bytes that may be allocated beyond the inputs; by default 80 % of what is free."""
    workspace: Path | None = None
    """Folder for what out_of_core keeps on disk; an interrupted fit resumes from there."""
    factor: Path | None = None
    """Folder where exact, hybrid and out_of_core keep the factor on disk, for later queries."""
    landmarks: Annotated[int, Bounds(least=1)] = 1000
    """m of nystrom, at most n."""
    probes: Annotated[int, Bounds(least=2, or_zero=True)] = 200
    """Random signs for a stochastic correction of nystrom's diagonal."""
    sample: Annotated[int, Bounds(least=72, why=WHY_SAMPLE)] = 200
    """Records whose exact values are computed to measure the error, at most n."""
    tolerance: Annotated[float | None, Bounds(above=0, below=1)] = None
    """Relative residual of α; by default 1e-10, and 1e-4 for nystrom."""
    seed: int = 0
