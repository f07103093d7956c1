"""Base vectors that need not fit into memory: in an array, an ``.npy`` file, a Parquet column.

All give blocks of rows in order, and chosen rows. Files are read, not mapped: pages of a mapping
count as memory of the process until the system takes them back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.neighbors.screening import Vectors
from imprint.reading.array_files import npy_layout
from imprint.reading.regular import UnreadableFile, open_regular
from imprint.study.tables import column_values, reading_parquet

BLOCK_BYTES = 64 << 20
"""Bytes of base vectors that are held at a time."""
MAX_DIMENSIONS = 1 << 20


class VectorSource(Protocol):
    """A base of M vectors of d dimensions.

    Attributes:
        shape: (M, d).
    """

    @property
    def shape(self) -> tuple[int, int]:
        """M and d."""
        ...

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield the first row and the vectors, float32 ``[b, d]``, of blocks in order."""
        ...

    def gather(self, rows: IntArray) -> Iterator[tuple[slice, Vectors]]:
        """Yield chosen vectors in parts.

        Args:
            rows: int64, rising, each once.

        Yields:
            which of ``rows``, and their vectors, float32 ``[b, d]``.
        """
        ...


def block_rows(dimensions: int) -> int:
    """Return how many float32 vectors ``BLOCK_BYTES`` hold, at least one."""
    return max(1, BLOCK_BYTES // (4 * dimensions))


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Vectors in memory, ``[M, d]`` of any type of numbers."""

    vectors: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        """M and d."""
        return self.vectors.shape[0], self.vectors.shape[1]

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield blocks of the array."""
        for start, stop in _runs(self.shape):
            yield start, _as_block(self.vectors[start:stop])

    def gather(self, rows: IntArray) -> Iterator[tuple[slice, Vectors]]:
        """Yield chosen rows."""
        for start, stop in _runs((len(rows), self.shape[1])):
            part = slice(start, stop)
            yield part, _as_block(self.vectors[rows[part]])


@dataclass(frozen=True)
class NpySource:
    """Vectors in an ``.npy`` file, float16, float32 or float64 ``[M, d]`` in C order.

    Raises:
        ImprintError: another kind of file, or one that is damaged; when it is first read.
    """

    path: Path

    @cached_property
    def _header(self) -> tuple[tuple[int, int], np.dtype[np.floating], int]:
        """Shape, type and offset of the values."""
        shape, dtype, offset = npy_layout(self.path)
        if len(shape) != 2 or dtype.kind != "f" or not 0 < shape[1] <= MAX_DIMENSIONS:
            raise UnreadableFile(
                f"{self.path} holds {dtype} {list(shape)}: vectors are floats [count, dimensions]"
            )
        return (int(shape[0]), int(shape[1])), dtype, offset

    @property
    def shape(self) -> tuple[int, int]:
        """M and d."""
        return self._header[0]

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield blocks of the file."""
        with open_regular(self.path) as file:
            for start, stop in _runs(self.shape):
                yield start, self._read(file.fileno(), start, stop)

    def gather(self, rows: IntArray) -> Iterator[tuple[slice, Vectors]]:
        """Yield chosen rows, those that follow one another read at once."""
        width = self.shape[1]
        with open_regular(self.path) as file:
            for first, last in _runs((len(rows), width)):
                chosen = rows[first:last]
                vectors = np.empty((len(chosen), width), dtype=np.float32)
                breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
                for start, stop in zip([0, *breaks], [*breaks, len(chosen)], strict=True):
                    begin = int(chosen[start])
                    vectors[start:stop] = self._read(file.fileno(), begin, begin + stop - start)
                yield slice(first, last), vectors

    def _read(self, handle: int, start: int, stop: int) -> Vectors:
        (_, width), dtype, offset = self._header
        size = width * dtype.itemsize
        data = os.pread(handle, (stop - start) * size, offset + start * size)
        if len(data) != (stop - start) * size:
            raise UnreadableFile(f"{self.path} was cut off while it was read: write it again")
        return _as_block(np.frombuffer(data, dtype=dtype).reshape(-1, width))


@dataclass(frozen=True)
class TableSource:
    """Vectors in a column of a Parquet table, read by groups of rows.

    Raises:
        ImprintError: no such table or column, or one that holds no vectors.
    """

    path: Path
    column: str

    @cached_property
    def shape(self) -> tuple[int, int]:
        """M and d."""
        from pyarrow import types

        with reading_parquet(self.path) as file:
            names = file.schema_arrow.names
            if self.column not in names:
                raise ImprintError(
                    f"{self.path} has no column {self.column!r}: delete it and run again"
                )
            kind = file.schema_arrow.field(self.column).type
            if not types.is_fixed_size_list(kind) or not types.is_floating(kind.value_type):
                raise ValueError(f"{self.column} holds {kind}, where vectors stand")
            return file.metadata.num_rows, int(kind.list_size)

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield blocks of the column."""
        yield from self._read(None)

    def gather(self, rows: IntArray) -> Iterator[tuple[slice, Vectors]]:
        """Yield chosen rows; of groups of rows without any, nothing is read."""
        done = 0
        for start, vectors in self._read(rows):
            until = int(np.searchsorted(rows, start + len(vectors)))
            if until > done:
                yield slice(done, until), vectors[rows[done:until] - start]
            done = until

    def _read(self, rows: IntArray | None) -> Iterator[tuple[int, Vectors]]:
        size = block_rows(self.shape[1])
        with reading_parquet(self.path) as file:
            counts = [
                file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)
            ]
            ends = np.cumsum(counts, dtype=np.int64)
            wanted = range(file.num_row_groups)
            if rows is not None:
                wanted = np.unique(np.searchsorted(ends, rows, side="right")).tolist()
            for group in wanted:
                start = int(ends[group] - counts[group])
                batches = file.iter_batches(size, row_groups=[group], columns=[self.column])
                for batch in batches:
                    yield start, _as_block(column_values(batch.column(0)))
                    start += len(batch)


def _as_block(vectors: NDArray[np.floating]) -> Vectors:
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _runs(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield first and last row of blocks of ``BLOCK_BYTES``."""
    size = block_rows(shape[1])
    for start in range(0, shape[0], size):
        yield start, min(start + size, shape[0])
