"""Kernel matrices tile by tile: bounded memory, each pair computed once, differentiable.

A tile is rows × columns of pairs. On the CPU its arrays fit the second-level cache, where a pass
over them costs a tenth of one through memory (0.2 against 6 ns a value); on a GPU they fill the
memory allowed. A symmetric matrix is computed on and above its diagonal and mirrored.

With gradients, the graph of a tile is kept if all of them fit the memory, and else computed anew in
the backward pass, so that memory stays bounded there too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from imprint.lenses.leave_one_out.linalg.threads import blocks, in_parallel, mirrored

MEMORY = 256 << 20
"""Bytes of temporaries allowed unless a caller says otherwise."""

# float64 arrays of a tile that live at the same time, and what each layer leaves in a graph.
TEMPORARIES = 6
# Values of one array of a tile, a thread: 512 KiB, so that three fit a cache of 2 MiB.
CACHED_VALUES = 1 << 16

# A symmetric matrix has at least so many tiles a side, if these hold at least so many values:
# below, the calls cost more than the passes.
SIDES = 8
SMALLEST_TILE = 1 << 14

T = TypeVar("T")


@dataclass(frozen=True)
class PreparedInputs:
    """Inputs of a kernel with what it needs to know of each alone, computed once.

    Attributes:
        inputs: float64 ``[n, ...]``.
        variances: before each activation, float64 ``[n]`` or ``[n, H, W]``.
    """

    inputs: Tensor
    variances: tuple[Tensor, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def map(self, change: Callable[[Tensor], Tensor]) -> PreparedInputs:
        """Return the records with every tensor changed."""
        return PreparedInputs(change(self.inputs), tuple(map(change, self.variances)))

    def part(self, rows: slice) -> PreparedInputs:
        """Return some of the records, as views."""
        return self.map(lambda values: values[rows])

    @property
    def differentiable(self) -> bool:
        """Whether a gradient is to flow back into the inputs."""
        return torch.is_grad_enabled() and self.inputs.requires_grad


PairKernel = Callable[[PreparedInputs, PreparedInputs], Tensor]


def concatenate(parts: list[PreparedInputs]) -> PreparedInputs:
    """Return the records of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    inputs = torch.cat([part.inputs for part in parts])
    variances = zip(*(part.variances for part in parts), strict=True)
    return PreparedInputs(inputs, tuple(torch.cat(layer) for layer in variances))


@dataclass(frozen=True)
class Footprint:
    """Float64 values that one pair of records takes.

    Attributes:
        peak: in the largest array of a tile.
        usual: in most arrays of a tile.
        kept: in all arrays that a graph would keep; 0 if the kernel keeps none.
    """

    peak: int = 1
    usual: int = 1
    kept: int = 1


def tile_pairs(footprint: Footprint, device: torch.device, memory: int) -> int:
    """Return how many pairs a tile on a device has within ``memory`` bytes, at least 1."""
    most = memory // (8 * TEMPORARIES * footprint.peak)
    if device.type == "cpu":
        most = min(most, CACHED_VALUES * torch.get_num_threads() // footprint.usual)
    return max(1, most)


def gram(
    pairs: PairKernel,
    rows: PreparedInputs,
    columns: PreparedInputs | None,
    footprint: Footprint,
    memory: int = MEMORY,
) -> Tensor:
    """Return the kernel of every row with every column.

    Args:
        pairs: the kernel of a tile, ``[r, c]`` from r and c records.
        rows: n records.
        columns: m records, or None for the rows themselves.
        footprint: what a pair takes.
        memory: bytes of temporaries allowed.

    Returns:
        float64 ``[n, m]``; exactly symmetric when ``columns`` is None.
    """
    other = rows if columns is None else columns
    size = tile_pairs(footprint, rows.inputs.device, memory)
    least = SMALLEST_TILE // footprint.usual if columns is None else None
    down, across = _tiling(len(rows), len(other), size, least)
    if not (rows.differentiable or other.differentiable):
        result = rows.inputs.new_empty(len(rows), len(other))

        def line(i: int) -> None:
            for j, tile in _line(pairs, rows, columns, down, across, i):
                result[down[i], across[j]] = tile
                if columns is None:
                    result[across[j], down[i]] = tile.T

        in_parallel(line, range(len(down)))
        return result
    if 8 * footprint.kept * len(rows) * len(other) > memory:
        pairs = partial(recomputed, pairs)
    tiles = {
        (i, j): tile
        for i in range(len(down))
        for j, tile in _line(pairs, rows, columns, down, across, i)
    }
    if columns is None:
        tiles |= {(j, i): tile.T for (i, j), tile in tiles.items() if i != j}
    lines = ([tiles[i, j] for j in range(len(across))] for i in range(len(down)))
    return torch.cat([torch.cat(line, dim=1) for line in lines])


def _tiling(
    height: int, width: int, size: int, least: int | None
) -> tuple[list[slice], list[slice]]:
    """Return the rows and the columns of tiles of up to ``size`` pairs.

    A symmetric matrix, for which ``least`` is given, has many square tiles, or else most of its
    mirror image lies in tiles on the diagonal and is computed too; but of ``least`` pairs.
    """
    side = math.isqrt(size)
    if least is None:
        side = min(side, height)
        return blocks(height, side), blocks(width, size // side)
    side = min(side, max(math.ceil(height / SIDES), math.isqrt(least)))
    return blocks(height, side), blocks(width, side)


def _line(
    pairs: PairKernel,
    rows: PreparedInputs,
    columns: PreparedInputs | None,
    down: list[slice],
    across: list[slice],
    i: int,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (column of tiles, tile) of one row of tiles, none below the diagonal if symmetric."""
    block = rows.part(down[i])
    for j, along in enumerate(across):
        if columns is not None:
            yield j, pairs(block, columns.part(along))
        elif i == j:
            yield j, mirrored(pairs(block, block))
        elif i < j:
            yield j, pairs(block, rows.part(along))


def by_blocks(
    function: Callable[[PreparedInputs], T],
    records: PreparedInputs,
    footprint: Footprint,
    memory: int = MEMORY,
) -> list[T]:
    """Return ``function`` of block after block of records, each as large as a pair of them."""
    size = tile_pairs(footprint, records.inputs.device, memory)
    return [function(records.part(block)) for block in blocks(len(records), size)]


def recomputed(function: Callable[..., T], *arguments: object) -> T:
    """Return ``function(*arguments)``, keeping no graph: it is run again in the backward pass."""
    result: T = checkpoint(function, *arguments, use_reentrant=False)
    return result
