"""Parquet tables: one row an example, ``index`` first, joined on ``index``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.reading.regular import UnreadableFile, check_regular

Table = dict[str, NDArray[Any]]


def write_table(
    path: Path,
    columns: Mapping[str, NDArray[Any]],
    meanings: Mapping[str, str] | None = None,
) -> None:
    """Write columns as one Parquet file, whole or not at all.

    Args:
        path: where to.
        columns: arrays ``[n]`` or ``[n, d]`` (stored as fixed-size lists); the first is ``index``.
        meanings: of columns, by name: unit and direction, kept as ``description`` in the metadata
            of each column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(columns)
    if names[0] != "index":
        raise ValueError(f"the first column of a table is 'index', not {names[0]!r}")
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    arrays = [_to_arrow(np.asarray(column)) for column in columns.values()]
    fields = [
        pa.field(name, each.type, metadata=_description(name, meanings))
        for name, each in zip(names, arrays, strict=True)
    ]
    table = pa.table(arrays, schema=pa.schema(fields))
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _description(name: str, meanings: Mapping[str, str] | None) -> dict[str, str] | None:
    return {"description": meanings[name]} if meanings and name in meanings else None


def column_meanings(path: Path) -> dict[str, str]:
    """Return the descriptions that stand in the metadata of a table's columns, by name.

    Raises:
        ImprintError: the file is missing or is not Parquet.
    """
    import pyarrow.parquet as pq

    try:
        check_regular(path)
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise ImprintError(f"no table at {path}") from None
    except UnreadableFile:
        raise
    except Exception as error:  # as of read_table
        raise UnreadableFile(f"{path} is damaged or not a Parquet table: run again") from error
    return {
        field.name: field.metadata[b"description"].decode("utf-8", "replace")
        for field in schema
        if field.metadata and b"description" in field.metadata
    }


class _ReadTable(Table):
    """A table that names its file where it lacks a column."""

    def __init__(self, path: Path, columns: Table) -> None:
        super().__init__(columns)
        self._path = path

    def __missing__(self, name: str) -> NDArray[Any]:
        raise ImprintError(f"{self._path} has no column {name!r}: delete it and run again")


def read_table(path: Path) -> Table:
    """Return the columns of a Parquet file as arrays, ``[n]`` or ``[n, d]``.

    Raises:
        ImprintError: the file is missing or is not Parquet.
    """
    import pyarrow.parquet as pq

    try:
        check_regular(path)
        table = pq.read_table(path)
        names = table.column_names
        return _ReadTable(path, {name: _from_arrow(table[name].combine_chunks()) for name in names})
    except FileNotFoundError:
        raise ImprintError(f"no table at {path}") from None
    except UnreadableFile:
        raise
    except Exception as error:  # Arrow raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path} is damaged or not a Parquet table ({reason}): delete it and run again"
        ) from error


def positions_of(index: NDArray[Any], wanted: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Return where each of ``wanted`` stands in ``index`` (O(n log n)).

    Raises:
        ImprintError: one of them is not there.
    """
    order = np.argsort(index, kind="stable")
    places = np.searchsorted(index, wanted, sorter=order)
    places = np.minimum(places, len(index) - 1)
    rows = order[places]
    missing = index[rows] != wanted
    if missing.any():
        raise ImprintError(f"{what}: no row for index {wanted[missing][0]}")
    return rows.astype(np.int64)


def _to_arrow(column: NDArray[Any]) -> Any:
    import pyarrow as pa

    if column.ndim == 1:
        return pa.array(column)
    if column.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), column.shape[1])
    raise ValueError(f"a column has 1 or 2 axes, not {column.ndim}")


def _from_arrow(column: Any) -> NDArray[Any]:
    """Return a column as an array.

    Raises:
        ValueError: it holds what :func:`write_table` never writes.
    """
    from pyarrow import types

    kind = column.type.value_type if types.is_fixed_size_list(column.type) else column.type
    numbers = (types.is_integer, types.is_floating, types.is_boolean)
    known = (*numbers, types.is_string, types.is_large_string)
    if not any(is_kind(kind) for is_kind in known):
        raise ValueError(f"a column of {column.type}, where numbers, flags or texts stand")
    if column.null_count:
        raise ValueError("a column with missing values")
    if types.is_fixed_size_list(column.type):
        return np.asarray(column.flatten()).reshape(len(column), column.type.list_size)
    return np.asarray(column)
