"""Boxes in a folder of YOLO text files: one file an image, one line an object.

    CLASS X Y WIDTH HEIGHT            centre and sides as shares of the image's sides
    CLASS X Y WIDTH HEIGHT SCORE      as a detector writes it
    CLASS X1 Y1 X2 Y2 X3 Y3 …         a polygon, whose box is taken

An object of any class covers what is not background. An empty file is an image without objects.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.reading.regular import UnreadableFile, read_text

MAX_BYTES = 4 << 20
MAX_LINES = 50_000
MAX_SHARE = 2.0
"""Beyond it a number is one of pixels: shares reach a little beyond 1 by rounding alone."""
NOT_LABELS = ("classes.txt", "labels.txt", "train.txt", "val.txt", "test.txt", "readme.txt")
"""Lists that lie beside the files of boxes."""
_CLASS = re.compile(r"[0-9]{1,9}(\.0*)?")
_BOX, _SCORED_BOX, _LEAST_POLYGON = 5, 6, 7


def yolo_names(folder: Path) -> list[str]:
    """Return the relative path of every file of boxes below a folder, sorted.

    Links to folders are not followed.
    """
    return sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, files in os.walk(folder)
        for name in files
        if is_label_file(name)
    )


def is_label_file(name: str) -> bool:
    """Return whether a file may hold the boxes of an image, by its name."""
    return name.lower().endswith(".txt") and name.lower() not in NOT_LABELS


def parse_yolo(file: Path) -> FloatArray:
    """Return the boxes of one file as shares of the image's sides.

    Returns:
        float64 ``[m, 4]`` (x0, y0, x1, y1), as written: nothing is cut to the image.

    Raises:
        ImprintError: the file cannot be read, or a line is not one of those above.
    """
    try:
        text = read_text(file, MAX_BYTES)
    except OSError as error:
        raise ImprintError(f"cannot read the boxes {file}: {error.strerror}") from error
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise UnreadableFile(f"{file} has more than {MAX_LINES:,} lines: check the path")
    return np.array(list(_boxes(file, lines)), dtype=np.float64).reshape(-1, 4)


def _boxes(file: Path, lines: list[str]) -> Iterator[tuple[float, float, float, float]]:
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        is_polygon = len(words) >= _LEAST_POLYGON and len(words) % 2 == 1
        if not (len(words) in (_BOX, _SCORED_BOX) or is_polygon):
            _refuse(file, number, line, "expected CLASS X Y WIDTH HEIGHT")
        if not _CLASS.fullmatch(words[0]):
            _refuse(file, number, line, "a line begins with the number of a class")
        shares = words[1:] if is_polygon else words[1:_BOX]
        try:
            values = [float(word) for word in shares]
        except ValueError:
            _refuse(file, number, line, "expected numbers behind the class")
        if any(abs(value) > MAX_SHARE for value in values):
            _refuse(file, number, line, "expected shares of the image's sides, not pixels")
        if is_polygon:
            across, down = values[0::2], values[1::2]
            yield min(across), min(down), max(across), max(down)
        else:
            x, y, width, height = values
            yield x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _refuse(file: Path, number: int, line: str, expected: str) -> NoReturn:
    raise UnreadableFile(
        f"{file}: line {number} is {line[:60]!r}, {expected}: correct or remove it"
    )
