"""Inputs as users give them, as arrays of plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.progress import warn
from imprint.core.user_arrays import as_array

MAX_DENSE_BYTES = 2 << 30
"""Of inputs that must be in memory: sparse matrices, tables, and streams."""
CHECKED_AT_ONCE = 1 << 22
"""Numbers of inputs that are looked at together."""


def as_inputs(values: Any, name: str) -> NDArray[Any]:
    """Return inputs ``[n, …]`` as an array of real numbers.

    Missing values (NaN) are let through, since trees take them; they are logged.

    Raises:
        ImprintError: rows of different lengths, text, dates, objects, infinite values, or a single
            number.
    """
    if hasattr(values, "toarray"):
        values = _dense(values, name)
    array = as_array(values, f"inputs of {name}")
    if array.dtype.kind in "OUS":
        raise ImprintError(
            f"inputs of {name} hold {'text' if array.dtype.kind in 'US' else 'objects'}, not "
            "numbers: encode text and categories as numbers, pad token ids to one length"
        )
    if array.dtype.kind not in "biuf":
        raise ImprintError(f"inputs of {name} must be real numbers, not {array.dtype}")
    if array.ndim == 0:
        raise ImprintError(f"inputs of {name} must be an array [n, …], got a single number")
    if array.ndim == 1:
        array = array[:, None]
    if array.dtype == np.bool_:
        array = array.astype(np.float32)
    array = _as_torch_has_it(array)
    _check_values(array, name)
    return array


def _as_torch_has_it(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in this machine's byte order, long doubles as doubles."""
    if array.dtype.kind == "f" and array.dtype.itemsize > np.dtype(np.float64).itemsize:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _dense(values: Any, name: str) -> NDArray[Any]:
    size = math.prod(values.shape) * values.dtype.itemsize
    if size > MAX_DENSE_BYTES:
        raise ImprintError(
            f"inputs of {name} are a sparse matrix {list(values.shape)}, {size / 2**30:.1f} GiB "
            "when dense: give fewer records or columns"
        )
    return np.asarray(values.toarray())


def _check_values(array: NDArray[Any], name: str) -> None:
    if array.dtype.kind != "f" or not array.size:
        return
    step = max(1, CHECKED_AT_ONCE // max(1, array[0].size))
    missing, first = 0, -1
    for start in range(0, len(array), step):
        rows = array[start : start + step].reshape(len(array[start : start + step]), -1)
        if np.isfinite(rows).all():
            continue
        infinite = np.isinf(rows).any(axis=1)
        if infinite.any():
            row = start + int(np.flatnonzero(infinite)[0])
            raise ImprintError(
                f"inputs of {name} are infinite, first in record {row}: mend or leave out those "
                "records"
            )
        empty = np.isnan(rows).any(axis=1)
        first = start + int(np.flatnonzero(empty)[0]) if first < 0 else first
        missing += int(empty.sum())
    if missing:
        warn(
            f"inputs of {name} have missing values (NaN) in {missing} of {len(array)} records, "
            f"first in record {first}: the model must take them"
        )
