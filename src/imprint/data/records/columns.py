"""Tables: which columns are inputs, which one the targets, which one the groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.records.checks import as_inputs
from imprint.data.records.records import ArrayRows
from imprint.data.records.source import Content, Reading
from imprint.data.records.sources.mapping import TARGETS, first_of

SHOWN = 8


def open_columns(columns: Mapping[str, NDArray[Any]], reading: Reading, where: str) -> Content:
    """Return what a table holds.

    Targets are the column that the user names, else one named so (target, label, y …), else the
    last. Inputs are the others: numbers as float64 ``[n, d]`` in the order of the table, or a
    single column of lists as it is.

    Args:
        columns: arrays ``[n]`` or ``[n, d]`` by name.
        reading: what the user says.
        where: what the table is, for messages.

    Raises:
        ImprintError: no such column, no column of inputs, or inputs of text.
    """
    names = list(columns)
    for wanted in (reading.target, reading.group):
        if wanted and wanted not in columns:
            raise ImprintError(f"{where} has no column {wanted!r}: it has {_listed(names)}")
    target = "" if reading.apart else reading.target or _find_target(names, reading.name)
    features = [name for name in names if name not in (target, reading.group)]
    if not features:
        raise ImprintError(f"{where} has no column of inputs beside {_listed(names)}")
    text = next((name for name in features if columns[name].dtype.kind not in "biuf"), None)
    if text is not None:
        raise ImprintError(
            f"{where}: column {text!r} holds {_kind(columns[text])}, not numbers: encode it as "
            "numbers as the model takes them, or name it as target or group"
        )
    if len(features) == 1 and columns[features[0]].ndim > 1:
        inputs = columns[features[0]]
    else:
        parts = [columns[name].reshape(len(columns[name]), -1) for name in features]
        inputs = np.concatenate(parts, axis=1, dtype=np.float64)
    return Content(
        ArrayRows(as_inputs(inputs, reading.name)),
        columns[target] if target else None,
        groups=columns[reading.group] if reading.group else None,
    )


def _find_target(names: list[str], name: str) -> str:
    target = first_of(TARGETS, names)
    if not target:
        target = names[-1]
        log(f"{name}: targets are taken from the last column, {target!r}")
    return target


def _kind(column: NDArray[Any]) -> str:
    return "text" if column.dtype.kind in "OUS" else f"values of {column.dtype}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
