"""An array of a user that stays in its ``.npy`` file and is read by rows of its first axis.

Read, not mapped: pages of a mapping count as memory of the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
            file.seek(self.offset + row * count * self.dtype.itemsize)
            values = np.fromfile(file, self.dtype, count)
        if len(values) != count:
            raise UnreadableFile(f"{self.path} was cut off while it was read: write it again")
        values = values.reshape(self.shape[1:])
        return values if self.convert is None else self.convert(values, row)

    def block(self, columns: slice) -> NDArray[Any]:
        """Return a block of the last axis of a matrix ``[K, n]``, every row of it, not converted.

        Raises:
            ImprintError: the file was changed meanwhile.
        """
        rows, count = self.shape
        start, stop, _ = columns.indices(count)
        values = np.empty((rows, stop - start), dtype=self.dtype)
        with open_regular(self.path) as file:
            for row in range(rows):
                file.seek(self.offset + (row * count + start) * self.dtype.itemsize)
                part = np.fromfile(file, self.dtype, stop - start)
                if len(part) != stop - start:
                    raise UnreadableFile(
                        f"{self.path} was cut off while it was read: write it again"
                    )
                values[row] = part
        return values


def open_stored(path: Path) -> StoredArray:
    """Return the array of an ``.npy`` file without reading its values.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged, another kind of file, holds objects, or is in Fortran order.
    """
    shape, dtype, offset = npy_layout(path)
    return StoredArray(path, shape, dtype, offset)
