"""Data sets of Hugging Face's ``datasets``: one split, its columns by their usual names.

A column of inputs (``image``, ``pixel_values``, ``input_ids``, ``inputs`` …) makes the records;
without one, all columns of numbers are a table. Names of a ``ClassLabel`` are those of the classes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.user_types import is_of
from imprint.data.records.arrow import columns_of_arrow
from imprint.data.records.columns import open_columns
from imprint.data.records.samples import collect
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.records.sources.mapping import GROUPS, INPUTS, TARGETS, first_of


def _open(source: Any, reading: Reading) -> Content:
    if is_of(source, "datasets:DatasetDict", "datasets:IterableDatasetDict"):
        raise ImprintError(
            f"{reading.name} are a data set with the parts {', '.join(map(str, source))}: give one "
            f"of them, such as dataset[{next(iter(source), 'train')!r}]"
        )
    names = list(source.column_names)
    target = reading.target or first_of(TARGETS, names)
    key = first_of(INPUTS, names)
    content = _samples(source, key, target, reading) if key else _table(source, reading)
    return _named(content, source.features.get(target), reading)


def _samples(source: Any, key: str, target: str, reading: Reading) -> Content:
    """Return the records of one column of inputs."""
    group = reading.group or first_of(GROUPS, source.column_names)
    wanted = [name for name in (key, target, group) if name]
    unknown = next((name for name in wanted if name not in source.column_names), None)
    if unknown is not None:
        raise ImprintError(
            f"{reading.name} have no column {unknown!r}: there are "
            + ", ".join(source.column_names)
        )
    part = source.select_columns(wanted)
    if is_of(source.features[key], "datasets:Image"):
        part = part.with_format(None)
        return collect(lambda row: part[row], len(part), reading)
    where = f"the data set of {reading.name}"
    columns = columns_of_arrow(part.with_format("arrow")[:], where)
    return open_columns(columns, _with(reading, target, group), where)


def _table(source: Any, reading: Reading) -> Content:
    where = f"the data set of {reading.name}"
    return open_columns(columns_of_arrow(source.with_format("arrow")[:], where), reading, where)


def _with(reading: Reading, target: str, group: str) -> Reading:
    return replace(reading, target=target, group=group, apart=reading.apart or not target)


def _named(content: Content, feature: Any, reading: Reading) -> Content:
    """Return the content with the names of its classes."""
    if reading.apart or not is_of(feature, "datasets:ClassLabel"):
        return content
    return replace(content, classes=tuple(map(str, feature.names)))


RECORD_SOURCES.register("hugging face")(
    RecordSource(
        lambda source: is_of(
            source, "datasets:Dataset", "datasets:DatasetDict", "datasets:IterableDatasetDict"
        ),
        _open,
        10,
        "a data set of Hugging Face",
    )
)
