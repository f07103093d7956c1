"""Records from whatever a user has: arrays, data sets, loaders, tables, folders, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_arrays import as_array
from imprint.data.imageset import ArrayImages
from imprint.data.records.records import ArrayRows, Records, Rows, Task
from imprint.data.records.source import RECORD_SOURCES, Content, Reading
from imprint.data.records.targets import settle_targets
from imprint.data.view import View

MAX_IMAGE_CHANNELS = 4
MAX_GROUPS = 10_000


def as_records(
    source: Any,
    targets: Any = None,
    *,
    task: Task | None = None,
    classes: Sequence[Any] | None = None,
    name: str = "records",
    groups: Any = None,
    image_size: int | None = None,
    part: str | None = None,
) -> Records:
    """Return records of any source.

    >>> records = as_records(([[0.5, 1.0], [2.0, 3.0]], ["cat", "dog"]))
    >>> records.targets.tolist(), records.classes, records.task
    ([0, 1], ('cat', 'dog'), 'classification')

    Args:
        source: inputs ``[n, …]``, a pair (inputs, targets), a mapping, a table, a data set, a
            loader, or a path.
        targets: of the records, where the source holds inputs alone; or the name of their column.
        task: what the model does; None to infer it from the targets
            (:mod:`imprint.data.records.targets`).
        classes: what the outputs of the model stand for, in their order; None to take those of the
            targets.
        name: what the set is called.
        groups: of the records, or the name of their column.
        image_size: side of the squares that images are read as.
        part: of a data set with parts.

    Raises:
        ImprintError: a source of no known kind, or one that cannot be read.
    """
    if isinstance(source, Records):
        return source
    classes = list_classes(classes)
    reading = Reading(
        name,
        target=targets if isinstance(targets, str) else "",
        group=groups if isinstance(groups, str) else "",
        apart=targets is not None and not isinstance(targets, str),
        image_size=image_size,
        part=part,
    )
    content = open_source(source, reading)
    if reading.apart:
        content = replace(content, targets=as_array(targets, f"targets of {name}"), classes=())
    if groups is not None and not reading.group:
        content = replace(content, groups=as_array(groups, f"groups of {name}"))
    return _records(content, task, classes, name)


def list_classes(classes: Any) -> list[Any] | None:
    """Return what the outputs of a model stand for as a list, None where nobody says it.

    >>> list_classes(np.array(["a", "b"])), list_classes(None)
    (['a', 'b'], None)

    Raises:
        ImprintError: they are no list.
    """
    if classes is None:
        return None
    plain = classes.tolist() if isinstance(classes, np.ndarray) else classes
    if isinstance(plain, str | bytes) or not isinstance(plain, Sequence):
        raise ImprintError(
            f"classes must be a list of names in the order of the model's outputs, got "
            f"{type(classes).__name__}"
        )
    return list(plain)


def open_source(source: Any, reading: Reading) -> Content:
    """Return what a source holds.

    Raises:
        ImprintError: it is of no known kind, or cannot be read.
    """
    sources = sorted(RECORD_SOURCES.entries(), key=lambda kind: kind.order)
    for kind in sources:
        try:
            if kind.recognises(source):
                return kind.open(source, reading)
        except (ImprintError, OSError, MemoryError):
            raise
        except Exception as error:  # a user's object may raise anything
            raise ImprintError(
                f"cannot read {reading.name} from an object of type {type(source).__name__}: "
                f"{named_reason(error)}"
            ) from error
    known = "; ".join(kind.words for kind in sources)
    raise ImprintError(
        f"cannot read {reading.name} from an object of type {type(source).__name__}: give {known}"
    )


def agree_on_classes(records: Sequence[Records]) -> list[Records]:
    """Return sets of records that number the same classes alike, those of the first.

    Classes that are but numbers are joined by number, others by name.

    Raises:
        ImprintError: another task, or a class that the first set does not have.
    """
    first = records[0]
    for other in records[1:]:
        if other.task != first.task:
            raise ImprintError(
                f"{first.name} are records of {first.task.replace('_', '-')} and {other.name} of "
                f"{other.task.replace('_', '-')}: give targets of one kind, or say task="
            )
    if all(_are_numbers(each.classes) for each in records):
        longest = max((each.classes for each in records), key=len)
        if first.task == "classification":
            return [replace(each, classes=longest) for each in records]
    return [each if each.classes == first.classes else _renumber(each, first) for each in records]


def _are_numbers(classes: Sequence[str]) -> bool:
    return all(name == str(number) for number, name in enumerate(classes))


def number_by_name(records: Records, classes: Sequence[str]) -> Records:
    """Return records with their classes numbered as a model does, where all have its names.

    Records with other names, such as mere numbers, stay as they are.

    >>> records = as_records(([[1.0], [2.0]], ["bad", "good"]))
    >>> number_by_name(records, ("good", "bad")).targets.tolist()
    [1, 0]
    """
    if records.task != "classification" or not set(records.classes) <= set(classes):
        return records
    return _renumber(records, replace(records, classes=tuple(classes)))


def _renumber(records: Records, first: Records) -> Records:
    places = {name: place for place, name in enumerate(first.classes)}
    unknown = next((name for name in records.classes if name not in places), None)
    if unknown is not None or (records.task == "multi_label" and records.targets is not None):
        what = "labels" if records.task == "multi_label" else f"the class {unknown!r}"
        raise ImprintError(
            f"{records.name} have {what} that {first.name} do not have: give records of the same "
            "classes"
        )
    order = np.array([places[name] for name in records.classes], dtype=np.int64)
    targets = None if records.targets is None else order[records.targets]
    return replace(records, classes=first.classes, targets=targets)


def _records(
    content: Content, task: Task | None, classes: Sequence[Any] | None, name: str
) -> Records:
    inputs, groups = content.inputs, _group_names(content.groups, name)
    if not len(inputs):
        raise ImprintError(f"there are no {name}: give at least one")
    if content.targets is None:
        names = tuple(map(str, classes or ()))
        return Records(inputs, None, task or "classification", names, name, content.names,
                       content.images, groups)  # fmt: skip
    count = len(content.targets) if content.targets.ndim else 1
    if count != len(inputs) or not content.targets.ndim:
        raise ImprintError(f"{name}: {len(inputs)} inputs need as many targets [n], got {count}")
    targets, task, names = settle_targets(content.targets, task, classes, content.classes, name)
    images = content.images
    if images is None and task == "classification":
        images = _view_of(inputs, targets, names, name)
    return Records(inputs, targets, task, names, name, content.names, images, groups)


def _view_of(
    inputs: Rows, labels: NDArray[Any], classes: tuple[str, ...], name: str
) -> View | None:
    """Return square images in memory, uint8 with channels first, as a view; None of other inputs.

    Galleries show them, and crops of them can be taken.
    """
    if not isinstance(inputs, ArrayRows) or inputs.dtype != np.uint8 or len(inputs.shape) != 3:
        return None
    channels, height, width = inputs.shape
    if not 1 <= channels <= MAX_IMAGE_CHANNELS or height != width:
        return None
    images = ArrayImages(inputs.values, labels, classes, name)
    return View(images, np.arange(len(inputs), dtype=np.int64))


def _group_names(groups: NDArray[Any] | None, name: str) -> NDArray[Any] | None:
    if groups is None:
        return None
    if groups.ndim != 1:
        raise ImprintError(f"groups of {name} must be [n], got shape {list(groups.shape)}")
    texts = np.array([str(group) for group in groups.tolist()])
    count = len(np.unique(texts))
    if count > MAX_GROUPS:
        raise ImprintError(
            f"{name} have {count} groups, more than {MAX_GROUPS}: give a column of fewer values"
        )
    return texts
