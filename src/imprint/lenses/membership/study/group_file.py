"""Groups of images from a CSV file: which value each image has in each column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.name_join import match_names
from imprint.reading.regular import check_regular

NAME = "name"
NO_GROUP = "(none)"
MAX_BYTES = 1 << 28


def read_groups(
    file: Path | None, names: Sequence[str], index: IntArray
) -> dict[str, tuple[str, ...]]:
    """Return the group of each image, by column; ``(none)`` of images the file does not name.

    Args:
        file: CSV with a column ``name`` and others; None for no groups.
        names: of all images, as their paths.
        index: int64 ``[N]``, the images wanted.

    Raises:
        ImprintError: no CSV file of these columns, or names that fit no image, or several.
    """
    if file is None:
        return {}
    columns, rows = _read(file)
    try:
        places = match_names([row[NAME] for row in rows], names)
    except ImprintError as error:
        raise ImprintError(f"{file}: {error}") from None
    known = {place: row for place, row in zip(places, rows, strict=True) if place is not None}
    if not any(place in known for place in index.tolist()):
        raise ImprintError(
            f"{file} names none of the attacked images: its column {NAME} must hold their paths, "
            f"such as {names[int(index[0])]}"
        )
    return {
        column: tuple(
            known[place][column] if place in known else NO_GROUP for place in index.tolist()
        )
        for column in columns
    }


def _read(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        check_regular(file)
        if file.stat().st_size > MAX_BYTES:
            raise ImprintError(f"{file} is larger than {MAX_BYTES >> 20} MiB: give a smaller file")
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.DictReader(text, strict=True)
            columns = [str(name) for name in reader.fieldnames or ()]
            rows = list(reader)
    except FileNotFoundError:
        raise ImprintError(f"no file at {file}: give --groups a CSV file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImprintError(f"{file} is not a CSV file ({error}): give --groups one") from None
    if NAME not in columns or len(columns) < 2 or len(set(columns)) < len(columns):
        raise ImprintError(
            f"{file} has the columns {', '.join(columns) or 'none'}: it needs {NAME} and at least "
            "one other, each once"
        )
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ImprintError(f"{file}: line {number} does not have {len(columns)} values")
    return [name for name in columns if name != NAME], rows
