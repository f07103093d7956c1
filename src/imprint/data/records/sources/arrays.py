"""Arrays, tensors and lists: inputs alone, or a pair (inputs, targets)."""

from __future__ import annotations

from typing import Any

import numpy as np

from imprint.core.user_arrays import as_array
from imprint.core.user_types import is_of
from imprint.data.records.checks import as_inputs
from imprint.data.records.records import ArrayRows
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource


def is_array(value: Any) -> bool:
    """Return whether a value is an array, a tensor or a sparse matrix."""
    return (
        isinstance(value, np.ndarray)
        or is_of(value, "torch:Tensor", "pandas:Series")
        or hasattr(value, "toarray")
    )


def _recognises(source: Any) -> bool:
    return is_array(source) or isinstance(source, list | tuple)


def _open(source: Any, reading: Reading) -> Content:
    pair = isinstance(source, tuple) and len(source) == 2 and not reading.apart
    values, targets = source if pair else (source, None)
    if pair and is_of(values, "pandas:DataFrame"):
        values = values.to_numpy()
    inputs = ArrayRows(as_inputs(values, reading.name))
    if targets is None:
        return Content(inputs)
    return Content(inputs, as_array(targets, f"targets of {reading.name}"))


RECORD_SOURCES.register("arrays")(
    RecordSource(_recognises, _open, 90, "an array, a tensor, or a pair (inputs, targets)")
)
