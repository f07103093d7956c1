"""Tables in files: CSV with a header, and Parquet.

Both are read by Arrow within a bound on their size, of Parquet on that of what it unpacks to.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError, reason_of
from imprint.data.records.arrow import columns_of_arrow
from imprint.data.records.checks import MAX_DENSE_BYTES
from imprint.data.records.columns import open_columns
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.reading.regular import UnreadableFile, check_regular, open_regular

SUFFIXES = (".csv", ".parquet")
MAX_COLUMNS = 100_000
BYTES_A_VALUE = 8


def read_table_file(path: Path) -> Any:
    """Return the table in a file, a ``pyarrow.Table``.

    Raises:
        ImprintError: it is missing, damaged, of another kind, or too large.
    """
    try:
        size = check_regular(path).st_size
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_DENSE_BYTES:
        raise UnreadableFile(
            f"{path} has {size:,} bytes, more than {MAX_DENSE_BYTES:,}: give fewer records, or an "
            "array file .npz"
        )
    read = _read_csv if path.suffix.lower() == ".csv" else _read_parquet
    try:
        return read(path)
    except UnreadableFile:
        raise
    except Exception as error:  # Arrow raises nearly anything on a damaged file
        reason = reason_of(error)
        raise UnreadableFile(
            f"{path} is damaged or no {path.suffix[1:].upper()} table ({reason}): write it again"
        ) from error


def _read_csv(path: Path) -> Any:
    from pyarrow import csv

    with open_regular(path) as file:
        header = file.readline(1 << 20)
        if header.count(b",") >= MAX_COLUMNS:
            raise UnreadableFile(f"{path} has more than {MAX_COLUMNS} columns: give fewer")
        file.seek(0)
        return csv.read_csv(file, read_options=csv.ReadOptions(use_threads=False))


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    with open_regular(path) as file:
        content = pq.ParquetFile(file)
        facts = content.metadata
        groups = [facts.row_group(number) for number in range(facts.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        values = facts.num_rows * facts.num_columns * BYTES_A_VALUE
        if facts.num_columns > MAX_COLUMNS or max(unpacked, values) > MAX_DENSE_BYTES:
            raise UnreadableFile(
                f"{path} holds {facts.num_rows} rows of {facts.num_columns} columns, "
                f"{max(unpacked, values):,} bytes when read: give fewer records"
            )
        return content.read(use_threads=False)


def _open(source: Any, reading: Reading) -> Content:
    path = Path(source)
    table = read_table_file(path)
    if not table.num_rows:
        raise ImprintError(f"there are no records in {path}: give at least one")
    return open_columns(columns_of_arrow(table, str(path)), reading, str(path))


RECORD_SOURCES.register("table file")(
    RecordSource(
        lambda source: (
            isinstance(source, str | os.PathLike) and Path(source).suffix.lower() in SUFFIXES
        ),
        _open,
        40,
        "the path of a .csv or .parquet table",
    )
)
