"""Data sets of PyTorch, and anything else with a length whose items are (inputs, target)."""

from __future__ import annotations

from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.core.user_types import is_of
from imprint.data.records.checks import as_inputs
from imprint.data.records.records import ArrayRows
from imprint.data.records.samples import collect, collect_stream
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.records.sources.arrays import is_array

PAIR = 2


def open_dataset(source: Any, reading: Reading) -> Content:
    """Return what a data set with a length holds."""
    if is_of(source, "torch:Subset"):
        indices = [int(index) for index in source.indices]
        if is_of(source.dataset, "torch:TensorDataset"):
            return _open_tensors(source.dataset, indices, reading)
        inner = source.dataset
        return collect(lambda row: inner[indices[row]], len(indices), reading)
    if is_of(source, "torch:TensorDataset"):
        return _open_tensors(source, None, reading)
    try:
        count = len(source)
    except Exception as error:  # a user's data set may raise anything
        raise ImprintError(
            f"{reading.name} are a data set without a length ({error}): give it __len__"
        ) from error
    return collect(lambda row: source[row], count, reading)


def _open_tensors(source: Any, indices: list[int] | None, reading: Reading) -> Content:
    rows = slice(None) if indices is None else np.array(indices, dtype=np.int64)
    inputs = as_inputs(as_array(source.tensors[0], reading.name)[rows], reading.name)
    if len(source.tensors) < PAIR or reading.apart:
        return Content(ArrayRows(inputs))
    targets = as_array(source.tensors[1], f"targets of {reading.name}")[rows]
    return Content(ArrayRows(inputs), targets)


def _is_pairs(source: Any) -> bool:
    """Return whether a list holds records, pairs (inputs, target) or mappings."""
    if not isinstance(source, list) or not source:
        return False
    first = source[0]
    if isinstance(first, dict):
        return True
    return (
        isinstance(first, tuple)
        and len(first) == PAIR
        and (is_array(first[0]) or isinstance(first[0], list | tuple))
    )


def _recognises(source: Any) -> bool:
    if is_of(source, "torch:IterableDataset"):
        return False
    items = hasattr(source, "__getitem__") and hasattr(source, "__len__")
    known = is_array(source) or isinstance(source, str | bytes | list | tuple | dict)
    return is_of(source, "torch:Dataset") or _is_pairs(source) or (items and not known)


RECORD_SOURCES.register("dataset")(
    RecordSource(_recognises, open_dataset, 60, "a torch Dataset whose items are (inputs, target)")
)


def _is_stream(source: Any) -> bool:
    return is_of(source, "torch:IterableDataset", "datasets:IterableDataset") or (
        hasattr(source, "__next__")
    )


RECORD_SOURCES.register("stream")(
    RecordSource(_is_stream, collect_stream, 65, "an iterator of (inputs, target)")
)
