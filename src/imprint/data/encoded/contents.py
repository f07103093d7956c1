"""Where the encoded bytes of images lie: in files, members of archives, rows of tables.

Whatever keeps encoded images, JPEG or PNG and so on, says how the bytes of one are read by its
index; decoding, sizes, fingerprints and corrupt images are the same for all of them
(:class:`imprint.data.files.EncodedImages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from imprint.core.arrays import IntArray
from imprint.data.digests import file_digests
from imprint.data.encoded.decode import header_size, read_encoded
from imprint.study.fingerprint import Digests


class Contents(Protocol):
    """Encoded images by index; may be read from several threads at once."""

    @property
    def names(self) -> Sequence[str]:
        """A name for each image, with forward slashes: ``CLASS/NAME.jpg``."""
        ...

    def place(self, index: int) -> str:
        """Return where one image lies, as messages call it."""
        ...

    def read(self, index: int) -> bytes:
        """Return the encoded bytes of one image.

        Raises:
            ImprintError: they are gone or cannot be read.
        """
        ...

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image, from its header.

        Raises:
            ImprintError: the header cannot be read.
        """
        ...

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 of the encoded bytes of some images, uint8 ``[n, 32]``.

        Raises:
            ImprintError: an image cannot be read.
        """
        ...

    def select(self, rows: IntArray) -> Contents:
        """Return some of the images, numbered anew."""
        ...


@dataclass(frozen=True)
class ImageFiles:
    """Images in files of their own.

    Attributes:
        root: the folder that ``names`` start from.
        names: relative path of each file, with forward slashes.
    """

    root: Path
    names: Sequence[str]

    @cached_property
    def _prefix(self) -> str:
        # Joining paths one by one takes longer than opening a file.
        return str(self.root / "_")[:-1]

    def file(self, index: int) -> Path:
        """Return the path of one file."""
        return self.root / self.names[index]

    def place(self, index: int) -> str:
        """Return the path of one file."""
        return self._prefix + self.names[index]

    def read(self, index: int) -> bytes:
        """Return the bytes of one file."""
        return read_encoded(self._prefix + self.names[index])

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image; no more of its file is read than the header."""
        return header_size(self._prefix + self.names[index])

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 of some files, uint8 ``[n, 32]``; kept for the next command."""
        return file_digests(self.root, [self.names[row] for row in rows.tolist()])

    def select(self, rows: IntArray) -> ImageFiles:
        """Return some of the files."""
        return ImageFiles(self.root, [self.names[row] for row in rows.tolist()])


@dataclass(frozen=True)
class SomeContents:
    """Some of the images of others, numbered anew.

    Attributes:
        source: where they lie.
        rows: int64 ``[n]``, which of them.
        names: of these n.
    """

    source: Contents
    rows: IntArray
    names: Sequence[str]

    def place(self, index: int) -> str:
        """Return where one image lies."""
        return self.source.place(int(self.rows[index]))

    def read(self, index: int) -> bytes:
        """Return the encoded bytes of one image."""
        return self.source.read(int(self.rows[index]))

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image."""
        return self.source.size(int(self.rows[index]))

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 of some images, uint8 ``[n, 32]``."""
        return self.source.digests(self.rows[rows])

    def select(self, rows: IntArray) -> SomeContents:
        """Return some of the images."""
        return some_of(self.source, self.rows[rows])


def some_of(contents: Contents, rows: IntArray) -> SomeContents:
    """Return some of the images, numbered anew.

    Args:
        contents: any.
        rows: int64 ``[n]``, which of them.
    """
    names = [contents.names[row] for row in rows.tolist()]
    return SomeContents(contents, rows, names)
