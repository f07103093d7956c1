"""Arrays of pixels in a column, such as Array3D, as images in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.data.axis_order import channel_order
from imprint.data.files import IN_MEMORY_LIMIT
from imprint.data.imageset import ArrayImages
from imprint.data.labels import numbered_labels
from imprint.data.tables.columns import Columns
from imprint.data.tables.parquet_rows import groups_of
from imprint.data.tables.part_files import PartFiles
from imprint.data.tables.rows import read_labels
from imprint.reading.arrow_files import (
    arrow_errors,
    check_group,
    checked_column,
    map_arrow,
    open_parquet,
    storage,
)

_ROWS_AT_ONCE = 256


def read_pixels(files: PartFiles, columns: Columns, name: str) -> ArrayImages:
    """Return images that are kept as arrays.

    Raises:
        ImprintError: they differ in shape, have no known number of channels, have missing values,
            or exceed :data:`imprint.data.files.IN_MEMORY_LIMIT`.
    """
    parts: list[Pixels] = []
    labels: list[str] = []
    held = 0
    for file in files.files:
        start = len(labels)
        for batch in _batches(file, files.is_parquet, columns):
            pixels = _pixels(file, storage(batch.column(columns.image)))
            if parts and pixels.shape[1:] != parts[0].shape[1:]:
                raise ImprintError(
                    f"{file}: arrays of {list(pixels.shape[1:])} and of "
                    f"{list(parts[0].shape[1:])}: images kept as arrays must have one shape"
                )
            held += pixels.nbytes
            if held > IN_MEMORY_LIMIT:
                raise ImprintError(
                    f"{name}: arrays of pixels of more than {IN_MEMORY_LIMIT >> 30} GB do not come "
                    "into memory: save them as images (Image()), which are read one by one"
                )
            parts.append(pixels)
            labels += read_labels(file, storage(batch.column(columns.label)), len(labels) - start)
    if not parts:
        raise ImprintError(f"{name} holds no images: check the path")
    numbers, classes = numbered_labels(labels, [""] * len(labels), columns.classes, name)
    return ArrayImages(_channels_first(np.concatenate(parts), name), numbers, classes, name)


def _batches(file: Path, is_parquet: bool, columns: Columns) -> Iterator[Any]:
    if not is_parquet:
        for batch in map_arrow(file)[2]:
            for column in (columns.image, columns.label):
                checked_column(file, batch, column)
            if batch.num_rows:
                yield batch
        return
    parquet = open_parquet(file)
    for number, group in enumerate(groups_of(file)):
        check_group(file, number, group, (columns.image,))
    with arrow_errors(file):
        for batch in parquet.iter_batches(
            _ROWS_AT_ONCE, columns=[columns.image, columns.label], use_threads=False
        ):
            yield batch


def _pixels(file: Path, column: Any) -> Pixels:
    """Return the arrays of some rows, uint8 ``[n, …]``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    shape = [len(column)]
    with arrow_errors(file):
        while not pa.types.is_uint8(column.type):
            if column.null_count:
                raise ImprintError(f"{file}: an image has missing values: write it again")
            sides = pc.list_value_length(column).unique().to_pylist()
            if len(sides) != 1 or not sides[0]:
                raise ImprintError(f"{file}: images kept as arrays must have one shape")
            shape.append(sides[0])
            column = column.flatten()
        if column.null_count:
            raise ImprintError(f"{file}: an image has missing values: write it again")
        return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape).copy()


def _channels_first(pixels: Pixels, name: str) -> Pixels:
    if pixels.ndim == 3:
        return pixels[:, None]
    order = channel_order(pixels.shape)
    if order is None:
        shown = list(pixels.shape)
        raise ImprintError(
            f"{name}: images of shape {shown} may have {shown[1]} or {shown[3]} channels: save "
            "them as images (Image())"
        )
    return pixels if order == "first" else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
