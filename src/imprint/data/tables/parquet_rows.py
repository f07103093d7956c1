"""The images of a Parquet file, one row group at a time.

Where their column is neither compressed nor a dictionary, as datasets writes it, the bytes of every
image stand in the file: they are looked for once, in order, and read by offset from then on. What
was found is kept in the user's cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.data.encoded.user_cache import Stamp, keep, read_kept
from imprint.data.tables.columns import Columns
from imprint.data.tables.rows import (
    TableRows,
    content_of,
    no_bytes,
    path_of,
    read_boxes,
    read_labels,
    read_paths,
)
from imprint.reading.arrow_files import arrow_errors, check_group, checked_column, open_parquet
from imprint.reading.parquet_footer import Chunk, RowGroup, row_groups
from imprint.reading.regular import open_regular

_KIND = "parquet"
_VERSION = b"imprint parquet 1\n"
_ROWS_AT_ONCE = 256
_SIGN_BYTES = 64
"""Of an image, by which it is looked for; all of its bytes are compared after."""


def read_parquet_rows(file: Path, columns: Columns, stamp: Stamp) -> TableRows:
    """Return the images of a Parquet file.

    Args:
        file: the file.
        columns: to read.
        stamp: by what the file is taken for unchanged.

    Raises:
        ImprintError: the file is damaged, or a row lacks bytes or a class.
    """
    labels: list[str] = []
    paths: list[str] = []
    boxes: list[FloatArray] = []
    for batch in _batches(file, columns):
        start = len(labels)
        labels += read_labels(file, batch.column(columns.label), start)
        if columns.path:
            paths += read_paths(file, path_of(batch.column(columns.image), columns))
        if columns.boxes:
            boxes += read_boxes(file, batch.column("objects"))
    rows = TableRows(labels, paths or [""] * len(labels), boxes if columns.boxes else None)
    places = _kept_places(file, columns, stamp, rows)
    return rows if places is None else replace(rows, offsets=places[0], lengths=places[1])


def group_lengths(file: Path) -> list[int]:
    """Return the number of rows of each row group.

    Raises:
        ImprintError: the file is damaged.
    """
    return [group.rows for group in groups_of(file)]


def groups_of(file: Path) -> list[RowGroup]:
    """Return what the footer says of each row group.

    Raises:
        ImprintError: the file is missing or damaged.
    """
    with arrow_errors(file):
        return row_groups(file)


def contents_of_group(file: Path, columns: Columns, number: int) -> list[Any]:
    """Return the encoded images of one row group, each a scalar of bytes.

    Raises:
        ImprintError: the group is damaged or too large.
    """
    leaves = (columns.content_leaf,)
    parquet = open_parquet(file, leaves)
    check_group(file, number, groups_of(file)[number], leaves)
    images: list[Any] = []
    with arrow_errors(file):
        for batch in parquet.iter_batches(
            _ROWS_AT_ONCE, row_groups=[number], columns=list(leaves), use_threads=False
        ):
            column = checked_column(file, batch, columns.image)
            images += _scalars(content_of(column, columns))
    return images


def _scalars(content: Any) -> list[Any]:
    """Return the values of a column of bytes without copies; equal ones may be one object."""
    import pyarrow as pa

    if not pa.types.is_dictionary(content.type):
        return list(content)
    values = list(content.dictionary)
    return [None if place is None else values[place] for place in content.indices.to_pylist()]


def _batches(file: Path, columns: Columns) -> Iterator[Any]:
    """Yield everything but the images themselves."""
    leaves = tuple(leaf for leaf in (columns.label, columns.path_leaf) if leaf)
    parquet = open_parquet(file, leaves)
    wanted = [*leaves, *(["objects.bbox"] if columns.boxes else [])]
    for number, group in enumerate(groups_of(file)):
        check_group(file, number, group, leaves)
        with arrow_errors(file):
            yield from parquet.iter_batches(
                _ROWS_AT_ONCE, row_groups=[number], columns=wanted, use_threads=False
            )


def _kept_places(file: Path, columns: Columns, stamp: Stamp, rows: TableRows) -> IntArray | None:
    """Return offset and length of every image, int64 ``[2, n]``; None where they are packed."""
    key = f"{os.path.realpath(file)}\0{columns.content_leaf}"
    kept = read_kept(_KIND, key, _VERSION)
    if kept is not None and len(kept) == 2 and kept[0].tolist() == list(stamp):
        places = kept[1]
        if places.shape == (2, 0) and len(rows):
            return None
        if places.shape == (2, len(rows)) and places.dtype == np.int64:
            offsets, lengths = places
            if not ((offsets < 0) | (lengths < 0) | (offsets > stamp.size - lengths)).any():
                return places
    started = time.time_ns()
    found = _find_places(file, columns, rows)
    if stamp.is_settled(started):
        places = np.empty((2, 0), dtype=np.int64) if found is None else found
        keep(_KIND, key, _VERSION, (np.array(stamp, dtype=np.int64), places))
    return found


def _find_places(file: Path, columns: Columns, rows: TableRows) -> IntArray | None:
    chunks = [group.chunks.get(columns.content_leaf) for group in groups_of(file)]
    places: list[tuple[int, int]] = []
    whole = all(chunk is not None and chunk.is_plain for chunk in chunks)
    for number, chunk in enumerate(chunks):
        images = contents_of_group(file, columns, number)
        missing = next((row for row, image in enumerate(images) if _is_null(image)), None)
        if missing is not None:
            raise no_bytes(file, rows.paths, len(places) + missing)
        if chunk is None or not whole:
            whole = False
            places += [(0, 0)] * len(images)
            continue
        found = _find_images(file, chunk, images)
        whole = found is not None
        places += found or [(0, 0)] * len(images)
    return np.array(places, dtype=np.int64).reshape(-1, 2).T.copy() if whole else None


def _is_null(image: Any) -> bool:
    return image is None or not image.is_valid


def _find_images(file: Path, chunk: Chunk, images: list[Any]) -> list[tuple[int, int]] | None:
    """Return offset and length of images in a column of a file; None if one is not there."""
    start, size = chunk.start, chunk.packed
    with open_regular(file) as stream:
        if not 0 <= start <= start + size <= os.fstat(stream.fileno()).st_size:
            return None
        content = os.pread(stream.fileno(), size, start)
    places, position = [], 0
    for scalar in images:
        image = scalar.as_py()
        sign = len(image).to_bytes(4, "little") + image[:_SIGN_BYTES]
        position = content.find(sign, position)
        while position >= 0 and not content.startswith(image, position + 4):
            position = content.find(sign, position + 1)
        if position < 0:
            return None
        places.append((start + position + 4, len(image)))
        position += 4 + len(image)
    return places
