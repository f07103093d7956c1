"""CSV files in a published form, for programs that read the tables of other tools."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_csv(file: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a heading and rows of as many values, with line ends of RFC 4180."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([heading, *rows])
