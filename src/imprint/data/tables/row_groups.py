"""Images in compressed columns of Parquet files: a row group is unpacked for each of its images.

Row groups that were used last stay unpacked, up to :data:`MOST_BYTES` in a process. Images in an
order other than that of the file unpack many groups many times.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import SomeContents, some_of
from imprint.data.encoded.decode import encoded_size
from imprint.data.encoded.large_files import LargeFiles
from imprint.data.encoded.user_cache import Stamp, stamp_file
from imprint.data.tables.columns import Columns
from imprint.data.tables.parquet_rows import contents_of_group, group_lengths
from imprint.data.tables.rows import no_bytes
from imprint.study.fingerprint import Digests

MOST_BYTES = 1 << 29


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Images in row groups of Parquet files.

    Attributes:
        files: that hold them.
        names: of the images.
        columns: that hold them.
        title: what they are called while they are hashed.
    """

    files: LargeFiles
    names: Sequence[str] = field(repr=False)
    columns: Columns
    title: str

    def place(self, index: int) -> str:
        """Return the file and the row of one image."""
        number, row = self.files.find(index)
        return f"row {row} of {self.files.paths[number]}"

    def read(self, index: int) -> bytes:
        """Return the encoded bytes of one image.

        Raises:
            ImprintError: its file is gone, was changed or is damaged.
        """
        number, row = self.files.find(index)
        starts = self._group_starts[number]
        group = int(np.searchsorted(starts, row, side="right")) - 1
        path = self.files.paths[number]
        images = _unpacked.group(path, self.files.stamps[number], self.columns, group)
        image = images[row - int(starts[group])]
        if image is None or not image.is_valid:
            raise no_bytes(path, (), row)
        content: bytes = image.as_py()
        return content

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image."""
        return encoded_size(self.read(index), self.place(index))

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 of some images, uint8 ``[n, 32]``."""
        return self.files.digests(rows, self.read, self.columns.content_leaf, self.title)

    def select(self, rows: IntArray) -> SomeContents:
        """Return some of the images."""
        return some_of(self, rows)

    @cached_property
    def _group_starts(self) -> list[IntArray]:
        """Return the first row of each row group of each file."""
        return [
            np.concatenate([[0], np.cumsum(group_lengths(path))]).astype(np.int64)
            for path in self.files.paths
        ]


class _Unpacked:
    """The row groups that this process used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: OrderedDict[tuple[Path, Stamp, str, int], tuple[list[Any], int]] = (
            OrderedDict()
        )
        self._bytes = 0

    def group(self, path: Path, stamp: Stamp, columns: Columns, number: int) -> list[Any]:
        """Return the images of one row group."""
        key = (path, stamp, columns.content_leaf, number)
        with self._lock:
            if key in self._groups:
                self._groups.move_to_end(key)
                return self._groups[key][0]
            if stamp_file(path) != stamp:
                raise ImprintError(f"the file {path} was changed while it was in use: start again")
            images = contents_of_group(path, columns, number)
            size = sum(len(image.as_buffer()) for image in images if image is not None)
            self._groups[key] = images, size
            self._bytes += size
            while self._bytes > MOST_BYTES and len(self._groups) > 1:
                _, (_, freed) = self._groups.popitem(last=False)
                self._bytes -= freed
            return images


_unpacked = _Unpacked()
