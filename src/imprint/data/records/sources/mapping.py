"""A mapping with inputs, targets and groups, such as scikit-learn's data sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array
from imprint.core.user_types import is_of
from imprint.data.records.checks import as_inputs
from imprint.data.records.records import ArrayRows
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource

INPUTS = ("inputs", "images", "image", "img", "pixel_values", "input_ids", "ids", "features",
          "data", "x", "X")  # fmt: skip
TARGETS = ("targets", "labels", "label", "target", "y", "Y")
GROUPS = ("groups", "group")
CLASSES = ("classes", "target_names")


def first_of(names: Collection[str], among: Collection[str]) -> str:
    """Return the first name that is there, empty where none is."""
    return next((name for name in names if name in among), "")


def open_mapping(source: Mapping[str, Any], reading: Reading, where: str) -> Content:
    """Return what a mapping of arrays holds.

    Args:
        source: arrays by name.
        reading: what the user says.
        where: what the mapping is, for messages.

    Raises:
        ImprintError: no inputs among the names, or arrays that are none.
    """
    names = [str(name) for name in source]
    key = first_of(INPUTS, names)
    if not key:
        shown = ", ".join(names[:8]) or "nothing"
        raise ImprintError(f"{where} has no array named inputs or images: it holds {shown}")
    for wanted in (reading.target, reading.group):
        if wanted and wanted not in source:
            raise ImprintError(
                f"{where} has no array named {wanted!r}: it holds {', '.join(names)}"
            )
    target = reading.target or first_of(TARGETS, names)
    group = reading.group or first_of(GROUPS, names)
    named = first_of(CLASSES, names)
    targets = _array(source, "" if reading.apart else target, reading.name)
    whole = targets is not None and targets.dtype.kind in "biu" and targets.ndim == 1
    return Content(
        ArrayRows(as_inputs(source[key], reading.name)),
        targets,
        tuple(map(str, source[named])) if named and whole else (),
        _array(source, group, reading.name),
    )


def _array(source: Mapping[str, Any], key: str, name: str) -> NDArray[Any] | None:
    return as_array(source[key], f"{key} of {name}") if key else None


def _recognises(source: Any) -> bool:
    return isinstance(source, Mapping) and not is_of(source, "datasets:DatasetDict")


def _open(source: Any, reading: Reading) -> Content:
    return open_mapping(source, reading, f"the mapping of {reading.name}")


RECORD_SOURCES.register("mapping")(
    RecordSource(_recognises, _open, 20, "a mapping with inputs and targets")
)
