"""Parquet tables: one row an example, ``index`` first, joined on ``index``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.reading.regular import UnreadableFile, check_regular

if TYPE_CHECKING:
    import pyarrow as pa

Table = dict[str, NDArray[Any]]

GROUP_BYTES = 16 << 20
"""Bytes of the rows that are written, and read, at a time."""


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
    with writing_table(path, meanings) as write:
        write(columns)


@contextmanager
def writing_table(
    path: Path, meanings: Mapping[str, str] | None = None
) -> Iterator[Callable[[Mapping[str, NDArray[Any]]], None]]:
    """Give what appends rows to a Parquet file; the file is there, whole, when the block succeeds.

    Rows are held until there are ``GROUP_BYTES`` of them and written as one row group, so that the
    file has the same bytes however many rows come at a time.

    Args:
        path: where to.
        meanings: as of :func:`write_table`.
    """
    with replacing(path) as temporary:
        rows = _RowGroups(temporary, meanings)
        try:
            yield rows.append
            rows.close()
        finally:
            rows.release()


class _RowGroups:
    """A Parquet file that grows by row groups of one size."""

    def __init__(self, path: Path, meanings: Mapping[str, str] | None) -> None:
        self._path, self._meanings = path, meanings
        self._writer: Any = None
        self._group_rows = 0
        self._held: list[pa.Table] = []

    def append(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows; arguments as of :func:`write_table`, the same columns each time."""
        table = _arrow_table(columns, self._meanings)
        if self._writer is None:
            self._open(table)
        self._held.append(table)
        while sum(map(len, self._held)) > self._group_rows:
            self._write_group()

    def close(self) -> None:
        """Write the rows that are held.

        Raises:
            ValueError: nothing was added.
        """
        if self._writer is None:
            raise ValueError("a table without rows has no columns: add an empty block")
        self._write_group()
        self.release()

    def release(self) -> None:
        """Close the file."""
        if self._writer is not None and self._writer.is_open:
            self._writer.close()

    def _open(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        width = sum(_row_bytes(each.type) for each in table.schema)
        self._group_rows = max(1, GROUP_BYTES // width)
        self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd")

    def _write_group(self) -> None:
        import pyarrow as pa

        held = pa.concat_tables(self._held)
        group = held.slice(0, self._group_rows)
        self._writer.write_table(group.combine_chunks(), row_group_size=max(1, len(group)))
        rest = held.slice(self._group_rows)
        self._held = [rest] if len(rest) else []


def _row_bytes(kind: pa.DataType) -> int:
    """Return roughly what one row of a column takes."""
    from pyarrow import types

    if types.is_fixed_size_list(kind):
        return int(kind.list_size) * _row_bytes(kind.value_type)
    return 16 if types.is_string(kind) else max(1, kind.bit_width // 8)


def _arrow_table(
    columns: Mapping[str, NDArray[Any]], meanings: Mapping[str, str] | None
) -> pa.Table:
    import pyarrow as pa

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
    return pa.table(arrays, schema=pa.schema(fields))


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


def read_table(path: Path, columns: Collection[str] | None = None) -> Table:
    """Return the columns of a Parquet file as arrays, ``[n]`` or ``[n, d]``.

    Read a group of rows at a time into arrays of their final size: memory is that of the columns
    that are read, and of one group.

    Args:
        path: of the file.
        columns: names of those to read, in the order of the file; None for all.

    Raises:
        ImprintError: the file is missing or is not Parquet.
    """
    with reading_parquet(path) as file:
        names = [name for name in file.schema_arrow.names if columns is None or name in columns]
        return _ReadTable(path, _read_columns(file, names))


def column_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file, whose rows are not read.

    Raises:
        ImprintError: the file is missing or is not Parquet.
    """
    with reading_parquet(path) as file:
        return list(file.schema_arrow.names)


@contextmanager
def reading_parquet(path: Path) -> Iterator[Any]:
    """Give an open ``pyarrow.parquet.ParquetFile``.

    Raises:
        ImprintError: the file is missing or is not Parquet; whatever reading raises becomes that.
    """
    import pyarrow.parquet as pq

    try:
        check_regular(path)
        with pq.ParquetFile(path, buffer_size=1 << 20) as file:
            yield file
    except FileNotFoundError:
        raise ImprintError(f"no table at {path}") from None
    except ImprintError:
        raise
    except Exception as error:  # Arrow raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path} is damaged or not a Parquet table ({reason}): delete it and run again"
        ) from error


def join_columns(tables: Sequence[Table]) -> Table:
    """Return the rows of tables of the same columns as one, in order."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def join_tables(
    path: Path, parts: Sequence[Path], meanings: Mapping[str, str] | None = None
) -> None:
    """Write the rows of tables as one, in order: the file that one pass over all would write.

    Args:
        path: where to.
        parts: tables of the same columns.
        meanings: as of :func:`write_table`.

    Raises:
        ImprintError: a part is missing or damaged.
    """
    with writing_table(path, meanings) as write:
        for part in parts:
            with reading_parquet(part) as file:
                names = file.schema_arrow.names
                for batch in _batches(file, names):
                    columns = map(column_values, batch.columns)
                    write(dict(zip(names, columns, strict=True)))


def _read_columns(file: Any, names: list[str]) -> Table:
    """Return columns of an open Parquet file.

    Raises:
        ValueError: they hold what :func:`write_table` never writes.
    """
    schema, rows = file.schema_arrow, file.metadata.num_rows
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two columns of one name")
    arrays = {name: np.empty(*_layout(schema.field(name).type, rows)) for name in names}
    filled = 0
    for batch in _batches(file, names):
        for name, values in zip(names, batch.columns, strict=True):
            arrays[name][filled : filled + len(batch)] = column_values(values)
        filled += len(batch)
    if filled != rows and names:
        raise ValueError(f"{filled} rows where {rows} are announced")
    return arrays


def _batches(file: Any, names: list[str]) -> Iterator[Any]:
    """Yield rows in order, one group after the other: asked for all, Arrow reads far ahead."""
    size = _batch_rows(file.schema_arrow, names)
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=size, row_groups=[group], columns=names)


def _batch_rows(schema: pa.Schema, names: list[str]) -> int:
    width = sum(_row_bytes(schema.field(name).type) for name in names)
    return max(1, min(1 << 20, GROUP_BYTES // max(1, width)))


def _layout(kind: pa.DataType, rows: int) -> tuple[tuple[int, ...], Any]:
    """Return the shape and the dtype of the array of a column.

    Raises:
        ValueError: it is of a type that :func:`write_table` never writes.
    """
    from pyarrow import types

    value = kind.value_type if types.is_fixed_size_list(kind) else kind
    shape = (rows, kind.list_size) if types.is_fixed_size_list(kind) else (rows,)
    if types.is_string(value) or types.is_large_string(value):
        return shape, object
    if any(is_kind(value) for is_kind in (types.is_integer, types.is_floating, types.is_boolean)):
        return shape, value.to_pandas_dtype()
    raise ValueError(f"a column of {kind}, where numbers, flags or texts stand")


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


def column_values(column: pa.Array) -> NDArray[Any]:
    """Return a part of a column as an array, ``[n]`` or ``[n, d]``, not copied where it can be.

    Raises:
        ValueError: it holds missing values.
    """
    from pyarrow import types

    is_list = types.is_fixed_size_list(column.type)
    values = column.flatten() if is_list else column
    if column.null_count or values.null_count:
        raise ValueError("a column with missing values")
    array = np.asarray(values)
    return array.reshape(len(column), column.type.list_size) if is_list else array
