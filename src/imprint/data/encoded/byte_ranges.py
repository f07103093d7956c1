"""Images whose encoded bytes lie one after another in large files, read by offset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import SomeContents, some_of
from imprint.data.encoded.decode import encoded_size
from imprint.data.encoded.large_files import LargeFiles
from imprint.data.encoded.user_cache import Stamp, stamp_of
from imprint.reading.regular import open_regular
from imprint.study.fingerprint import Digests

MOST_OPEN = 64
"""Files that are open at a time; a process may have 256 files or more."""
HEADER_BYTES = 1 << 14
"""Width and height stand within so many bytes but for large profiles and previews."""


@dataclass(frozen=True, eq=False)
class ByteRanges:
    """Images at offsets in files. Nothing is held open when it travels to another process.

    Attributes:
        files: that hold them.
        names: of the images.
        offsets: int64 ``[n]``, of the first byte of each in its file.
        lengths: int64 ``[n]``, in bytes.
        part: of a file that they are, such as a column; empty where it holds nothing else.
        title: what they are called while they are hashed.
    """

    files: LargeFiles
    names: Sequence[str] = field(repr=False)
    offsets: IntArray = field(repr=False)
    lengths: IntArray = field(repr=False)
    part: str = ""
    title: str = "images"

    def place(self, index: int) -> str:
        """Return the file and the name of one image."""
        number, _ = self.files.find(index)
        return f"{self.names[index]} in {self.files.paths[number]}"

    def read(self, index: int) -> bytes:
        """Return the encoded bytes of one image.

        Raises:
            ImprintError: its file is gone, was changed or cannot be read.
        """
        return self._read(index, int(self.lengths[index]))

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image; as a rule from its first bytes alone."""
        length = int(self.lengths[index])
        if length > HEADER_BYTES:
            try:
                return encoded_size(self._read(index, HEADER_BYTES), self.place(index))
            except ImprintError:
                pass
        return encoded_size(self._read(index, length), self.place(index))

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 of some images, uint8 ``[n, 32]``."""
        return self.files.digests(rows, self.read, self.part, self.title)

    def select(self, rows: IntArray) -> SomeContents:
        """Return some of the images."""
        return some_of(self, rows)

    def _read(self, index: int, length: int) -> bytes:
        number, _ = self.files.find(index)
        file = _open(self.files.paths[number], self.files.stamps[number])
        return file.read(int(self.offsets[index]), length)


class _OpenFile:
    """A file that is open; it closes with the last thread that reads from it."""

    def __init__(self, path: Path, stamp: Stamp) -> None:
        self.path = path
        try:
            self._file = open_regular(path)
        except OSError as error:
            raise ImprintError(
                f"cannot read the file {path} ({error.strerror}): it was moved or deleted"
            ) from error
        if stamp_of(os.fstat(self._file.fileno())) != stamp:
            self._file.close()
            raise ImprintError(f"the file {path} was changed while it was in use: start again")

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def read(self, offset: int, length: int) -> bytes:
        """Return some bytes.

        Raises:
            ImprintError: they are not there any more.
        """
        try:
            content = os.pread(self._file.fileno(), length, offset)
        except OSError as error:
            raise ImprintError(f"cannot read the file {self.path}: {error.strerror}") from error
        if len(content) < length:
            raise ImprintError(f"the file {self.path} was cut short while it was in use")
        return content


_open = lru_cache(maxsize=MOST_OPEN)(_OpenFile)
