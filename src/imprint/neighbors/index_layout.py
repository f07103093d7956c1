"""The layout of an inverted file with product quantisation as faiss writes it, checked unread.

faiss takes counts and offsets as they stand in a file, and takes memory or ends the process where
they are wrong. An index may come from somebody else, together with a card that has its hash; so
each count must be the one that follows from the card, the file as long as they say, and each row
one of the vectors (faiss 1.7 to 1.15, ``impl/index_write.cpp``).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from imprint.core.arrays import IntArray
from imprint.reading.regular import open_regular

_UNUSED = 1 << 20
"""What faiss writes into two fields that are no longer used."""
_INNER_PRODUCT, _L2 = 0, 1
_IDS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Layout:
    """What the counts of a file follow from.

    Attributes:
        vectors: in the index.
        dimensions: of each.
        is_cosine: whether the metric is the inner product, else the squared distance.
        lists: centroids.
        code_bytes: sub-vectors of each code.
        code_bits: bits of each.
    """

    vectors: int
    dimensions: int
    is_cosine: bool
    lists: int
    code_bytes: int
    code_bits: int

    @property
    def code_size(self) -> int:
        """Bytes of the code of one vector."""
        return -(-self.code_bytes * self.code_bits // 8)


def has_layout(path: Path, layout: Layout) -> bool:
    """Return whether a file is an index with these counts from its first byte to its last.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file.
    """
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        try:
            return _is_tables(file, layout) and _is_lists(file, layout, length)
        except (EOFError, struct.error):
            return False


def _is_tables(file: IO[bytes], layout: Layout) -> bool:
    """Return whether parameters and centroids stand where they should; leave the file after."""
    flat = b"IxFI" if layout.is_cosine else b"IxF2"
    values = layout.lists * layout.dimensions
    code_values = (1 << layout.code_bits) * layout.dimensions
    return (
        _has(file, _head(b"IwPQ", layout.vectors, layout))
        and _has(file, struct.pack("<Q", layout.lists))
        and _skips(file, 8)  # lists that are probed, which each search says itself
        and _has(file, _head(flat, layout.lists, layout) + struct.pack("<Q", values))
        and _skips(file, 4 * values)
        and _has(file, struct.pack("<BQBQ", 0, 0, 1, layout.code_size))
        and _has(file, struct.pack("<QQQ", layout.dimensions, layout.code_bytes, layout.code_bits))
        and _has(file, struct.pack("<Q", code_values))
        and _skips(file, 4 * code_values)
        and _has(file, b"ilar" + struct.pack("<QQ", layout.lists, layout.code_size))
    )


def _head(kind: bytes, count: int, layout: Layout) -> bytes:
    metric = _INNER_PRODUCT if layout.is_cosine else _L2
    return kind + struct.pack("<iqqqBi", layout.dimensions, count, _UNUSED, _UNUSED, 1, metric)


def _is_lists(file: IO[bytes], layout: Layout, length: int) -> bool:
    """Return whether the lists hold all vectors, and nothing comes after."""
    sizes = _sizes(file, layout.lists)
    if sizes is None or (sizes > layout.vectors).any() or int(sizes.sum()) != layout.vectors:
        return False
    if file.tell() + layout.vectors * (layout.code_size + 8) != length:
        return False
    return all(_are_rows(file, int(size), layout) for size in sizes[sizes > 0])


def _sizes(file: IO[bytes], lists: int) -> IntArray | None:
    """Return the sizes of lists, int64: of all, or of those that are not empty."""
    kind, count = struct.unpack("<4sQ", file.read(12))
    if kind == b"full" and count == lists:
        sizes = _numbers(file, lists)
        return sizes if (sizes >= 0).all() else None
    if kind == b"sprs" and count % 2 == 0 and count <= 2 * lists:
        numbers, sizes = _numbers(file, count).reshape(-1, 2).T
        rises = (np.diff(numbers) > 0).all() and ((numbers >= 0) & (numbers < lists)).all()
        return sizes if rises and (sizes >= 0).all() else None
    return None


def _are_rows(file: IO[bytes], size: int, layout: Layout) -> bool:
    """Return whether the rows of a list are rows of the vectors; leave the file after the list."""
    file.seek(size * layout.code_size, os.SEEK_CUR)
    for start in range(0, size, _IDS_AT_ONCE):
        rows = _numbers(file, min(_IDS_AT_ONCE, size - start))
        if ((rows < 0) | (rows >= layout.vectors)).any():
            return False
    return True


def _has(file: IO[bytes], expected: bytes) -> bool:
    return file.read(len(expected)) == expected


def _skips(file: IO[bytes], count: int) -> bool:
    file.seek(count, os.SEEK_CUR)
    return True


def _numbers(file: IO[bytes], count: int) -> IntArray:
    content = file.read(8 * count)
    if len(content) < 8 * count:
        raise EOFError
    return np.frombuffer(content, dtype="<i8")
