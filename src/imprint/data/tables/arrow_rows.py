"""The images of an Arrow file: their bytes lie in it as they are, so each is read by offset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.data.tables.columns import Columns
from imprint.data.tables.rows import (
    TableRows,
    check_contents,
    check_lengths,
    content_of,
    path_of,
    read_boxes,
    read_labels,
    read_paths,
)
from imprint.reading.arrow_files import checked_column, map_arrow
from imprint.reading.regular import UnreadableFile


def read_arrow_rows(file: Path, columns: Columns) -> TableRows:
    """Return the images of an Arrow stream or file.

    Raises:
        ImprintError: the file is damaged or packed, or a row lacks bytes or a class.
    """
    mapped, _, batches = map_arrow(file)
    labels: list[str] = []
    paths: list[str] = []
    boxes: list[FloatArray] = []
    places = [np.empty((2, 0), dtype=np.int64)]
    for batch in batches:
        start = len(labels)
        image = checked_column(file, batch, columns.image)
        names = read_paths(file, path_of(image, columns)) if columns.path else []
        content = content_of(image, columns)
        check_contents(file, content, names, start)
        offsets, lengths = _places(file, content, mapped)
        check_lengths(file, lengths, start)
        places.append(np.stack([offsets, lengths]))
        labels += read_labels(file, checked_column(file, batch, columns.label), start)
        paths += names or [""] * batch.num_rows
        if columns.boxes:
            boxes += read_boxes(file, checked_column(file, batch, "objects"))
    offsets, lengths = np.concatenate(places, axis=1)
    return TableRows(labels, paths, boxes if columns.boxes else None, offsets, lengths)


def _places(file: Path, content: Any, mapped: Any) -> tuple[IntArray, IntArray]:
    """Return where in the file the values of a column of bytes lie, and how long each is."""
    if not len(content):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    import pyarrow as pa

    wide = pa.types.is_large_binary(content.type)
    _, bounds_buffer, values = content.buffers()
    bounds = np.frombuffer(bounds_buffer, dtype="<i8" if wide else "<i4")
    bounds = bounds[content.offset : content.offset + len(content) + 1].astype(np.int64)
    first = 0 if values is None else values.address - mapped.address
    offsets, lengths = first + bounds[:-1], np.diff(bounds)
    if (offsets < 0).any() or (offsets + lengths > mapped.size).any():
        raise UnreadableFile(
            f"{file} is compressed, and images are read by their offset: write it without "
            "compression; JPEGs hardly shrink"
        )
    return offsets, lengths
