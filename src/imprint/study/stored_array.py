"""An array of a user that stays in its ``.npy`` file and is read by rows of its first axis.

Read, not mapped: pages of a mapping count as memory of the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imprint.reading.array_files import npy_layout
from imprint.reading.regular import UnreadableFile, open_regular

STORED_BYTES = 64 << 20
"""Bytes from which an array that may be read row by row is."""


@dataclass(frozen=True)
class StoredArray:
    """An array ``[K, ...]`` in a file.

    Attributes:
        path: of the ``.npy`` file.
        shape: of the array.
        dtype: of its values.
        offset: where they begin.
        convert: what each row becomes, given the row and its number.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    convert: Callable[[NDArray[Any], int], NDArray[Any]] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def converted(self, convert: Callable[[NDArray[Any], int], NDArray[Any]]) -> StoredArray:
        """Return the array with what each row is checked by and becomes when it is read."""
        return replace(self, convert=convert)

    def row(self, row: int) -> NDArray[Any]:
        """Return one row, ``[...]``.

        Raises:
            ImprintError: the file was changed meanwhile, or a value cannot be.
        """
        count = math.prod(self.shape[1:])
        with open_regular(self.path) as file:
            values = self._values(file, row * count, count).reshape(self.shape[1:])
        return values if self.convert is None else self.convert(values, row)

    def row_part(self, row: int, columns: slice) -> NDArray[Any]:
        """Return a block of the last axis of one row, ``[..., n]``.

        Raises:
            ImprintError: as :meth:`row`.
        """
        *middle, count = self.shape[1:]
        start, stop, _ = columns.indices(count)
        lines = math.prod(middle)
        values = np.empty((lines, stop - start), dtype=self.dtype)
        with open_regular(self.path) as file:
            for line in range(lines):
                first = (row * lines + line) * count + start
                values[line] = self._values(file, first, stop - start)
        part = values.reshape(*middle, stop - start)
        return part if self.convert is None else self.convert(part, row)

    def _values(self, file: IO[bytes], first: int, count: int) -> NDArray[Any]:
        file.seek(self.offset + first * self.dtype.itemsize)
        values = np.fromfile(file, self.dtype, count)
        if len(values) != count:
            raise UnreadableFile(f"{self.path} was cut off while it was read: write it again")
        return values


def open_stored(path: Path) -> StoredArray:
    """Return the array of an ``.npy`` file without reading its values.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, holds objects, or is in Fortran order.
    """
    shape, dtype, offset = npy_layout(path)
    return StoredArray(path, shape, dtype, offset)
