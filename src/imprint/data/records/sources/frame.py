"""Data frames of pandas and polars, tables of Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.user_types import is_of
from imprint.data.records.arrow import columns_of_arrow
from imprint.data.records.columns import open_columns
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource


def _open(source: Any, reading: Reading) -> Content:
    where = f"the table of {reading.name}"
    if is_of(source, "pyarrow:Table"):
        return open_columns(columns_of_arrow(source, where), reading, where)
    names = [str(name) for name in source.columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ImprintError(f"{where} has two columns {twice!r}: rename one")
    columns = {str(name): _plain(source[name].to_numpy()) for name in source.columns}
    return open_columns(columns, reading, where)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return a column of objects as texts or numbers, where all of them are."""
    if values.dtype.kind != "O":
        return np.asarray(values)
    objects = values.tolist()
    if all(isinstance(value, str) for value in objects):
        return values.astype(str)
    if all(isinstance(value, int | float | np.number | np.bool_) for value in objects):
        return np.array(objects)
    return values


RECORD_SOURCES.register("frame")(
    RecordSource(
        lambda source: is_of(source, "pandas:DataFrame", "polars:DataFrame", "pyarrow:Table"),
        _open,
        30,
        "a data frame",
    )
)
