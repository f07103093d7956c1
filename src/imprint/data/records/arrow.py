"""Columns of Arrow as arrays: CSV and Parquet files, data sets of Hugging Face."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError, reason_of


def columns_of_arrow(table: Any, where: str) -> dict[str, NDArray[Any]]:
    """Return the columns of an Arrow table, arrays ``[n]`` or ``[n, d]``.

    Missing numbers become NaN.

    Args:
        table: a ``pyarrow.Table``.
        where: what it is, for messages.

    Raises:
        ImprintError: two columns of one name, or a column of another type, or lists of several
            lengths, or a damaged table.
    """
    try:
        return _columns(table, where)
    except ImprintError:
        raise
    except Exception as error:  # names and texts are decoded when they are asked for
        reason = reason_of(error)
        raise ImprintError(f"{where} is damaged ({reason}): write it again") from error


def _columns(table: Any, where: str) -> dict[str, NDArray[Any]]:
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ImprintError(f"{where} has two columns {twice!r}: rename one")
    return {name: _array(table.column(name), name, where) for name in names}


def _array(column: Any, name: str, where: str) -> NDArray[Any]:
    from pyarrow import types

    kind, depth = column.type, 0
    while types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        kind, depth = kind.value_type, depth + 1
    if types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    text = types.is_string(kind) or types.is_large_string(kind)
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if not text and not numbers:
        raise ImprintError(
            f"{where}: column {name!r} holds {column.type}, neither numbers nor text: leave it out"
        )
    if text and (depth or column.null_count):
        what = "lists of text" if depth else "missing texts"
        raise ImprintError(f"{where}: column {name!r} holds {what}: give numbers, or leave it out")
    if not depth:
        array = column.to_numpy()
        return array.astype(str) if text else np.asarray(array)
    return _matrix(column, depth, name, where)


def _matrix(column: Any, depth: int, name: str, where: str) -> NDArray[Any]:
    """Return a column of lists as ``[n, …]``."""
    values, shape = column.combine_chunks(), []
    for _ in range(depth):
        count = len(values)
        flat = values.flatten()
        width = len(flat) // max(count, 1)
        lengths = values.value_lengths() if hasattr(values, "value_lengths") else None
        ragged = lengths is not None and any(
            length != width for length in lengths.unique().to_pylist()
        )
        if values.null_count or ragged:
            raise ImprintError(
                f"{where}: lists in column {name!r} have several lengths: pad them to one"
            )
        shape.append(width)
        values = flat
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(column), *shape)
