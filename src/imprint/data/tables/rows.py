"""What one file of a table says of its images: where their bytes lie, their classes, boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.decode import MAX_ENCODED_BYTES
from imprint.data.tables.columns import Columns
from imprint.reading.arrow_files import arrow_errors, storage

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TableRows:
    """The images of one file, in the order of its rows.

    Attributes:
        labels: the class of each, as a whole number or a name.
        paths: the name of the file that each is from, empty where none is kept.
        boxes: one float64 ``[m, 4]`` (x0, y0, x1, y1) an image, or None without boxes.
        offsets: int64 ``[n]``, of the first byte of each in the file; None where bytes are packed.
        lengths: int64 ``[n]``, in bytes; None likewise.
    """

    labels: list[str]
    paths: list[str]
    boxes: list[FloatArray] | None
    offsets: IntArray | None = None
    lengths: IntArray | None = None

    def __len__(self) -> int:
        return len(self.labels)


def read_labels(file: Path, column: pa.Array, start: int) -> list[str]:
    """Return the classes of some rows as text.

    Args:
        file: for messages.
        column: of whole numbers or text.
        start: the row of the first.

    Raises:
        ImprintError: a row has no class.
    """
    with arrow_errors(file):
        values = _values(column)
    for row, value in enumerate(values, start):
        if value is None or value == "" or (isinstance(value, int) and value < 0):
            shown = "none" if value is None or value == "" else str(value)
            raise ImprintError(
                f"{file}: the class of row {row} is {shown}: give a part whose images have classes"
            )
    return [str(int(value)) if isinstance(value, (bool, int)) else value for value in values]


def read_paths(file: Path, column: pa.Array) -> list[str]:
    """Return the names of files of some rows, empty where there is none."""
    with arrow_errors(file):
        return [value or "" for value in _values(column)]


def read_boxes(file: Path, objects: pa.Array) -> list[FloatArray]:
    """Return the boxes of some rows, from (x, y, width, height) as COCO has them.

    Raises:
        ImprintError: boxes are no lists of four numbers.
    """
    with arrow_errors(file):
        lists = objects.field("bbox").to_pylist()
    try:
        tables = [np.array(boxes or np.empty((0, 4)), dtype=np.float64) for boxes in lists]
    except (ValueError, TypeError):
        tables = [np.empty(0)]
    if any(table.ndim != 2 or table.shape[1] != 4 for table in tables):
        raise ImprintError(f"{file}: objects.bbox must hold lists of x, y, width and height")
    return [np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], axis=1) for table in tables]


def content_of(image: Any, columns: Columns) -> Any:
    """Return the column of bytes of a column of images; null where the image is."""
    image = storage(image)
    return _field(image, columns.content) if columns.content else image


def path_of(image: Any, columns: Columns) -> Any:
    """Return the column of paths of a column of images."""
    return _field(storage(image), columns.path)


def check_contents(file: Path, content: Any, paths: Sequence[str], start: int) -> None:
    """Check that every image has bytes.

    Raises:
        ImprintError: one has none; an image outside the table is not looked for.
    """
    if content.null_count:
        row = content.is_null().to_pylist().index(True)
        raise no_bytes(file, ["" for _ in range(start)] + list(paths), start + row)


def no_bytes(file: Path, paths: Sequence[str], row: int) -> ImprintError:
    """Return what to say of a row without bytes."""
    where = f"only the path {paths[row]!r}" if row < len(paths) and paths[row] else "no path either"
    return ImprintError(
        f"{file}: row {row} has no bytes, {where}: write the data with its images inside, as "
        "save_to_disk does of a column that is cast to Image()"
    )


def check_lengths(file: Path, lengths: IntArray, start: int) -> None:
    """Check that no image is larger than any that is read.

    Raises:
        ImprintError: one is.
    """
    if lengths.max(initial=0) > MAX_ENCODED_BYTES:
        row = start + int(lengths.argmax())
        raise ImprintError(f"{file}: row {row} has {lengths.max():,} bytes, too large an image")


def _field(image: Any, name: str) -> Any:
    """Return a field of structures, null where they are."""
    return storage(image.flatten()[image.type.get_field_index(name)])


def _values(column: Any) -> list[Any]:
    """Return the values of a column; those kept once are the same object wherever they stand."""
    import pyarrow as pa

    column = storage(column)
    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    values = column.dictionary.to_pylist()
    return [None if place is None else values[place] for place in column.indices.to_pylist()]
