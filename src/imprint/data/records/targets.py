"""What a model should say of records: from numbers and texts to classes, labels or values.

Unless the user says so, whole numbers and texts are classes, other numbers are values of a
regression, and a matrix of 0 and 1 holds labels of which several may be true at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_numbers
from imprint.data.records.records import Task

MAX_CLASSES = 100_000
"""Targets number classes, each with a name and a row in tables; ImageNet-21k has 21,841."""
TASKS: tuple[Task, ...] = ("classification", "multi_label", "regression")


def settle_targets(
    values: Any, task: Task | None, classes: Sequence[Any] | None, own: Sequence[str], name: str
) -> tuple[NDArray[Any], Task, tuple[str, ...]]:
    """Return targets as :class:`imprint.data.records.records.Records` has them, task and classes.

    Args:
        values: numbers or texts ``[n]``, or ``[n, d]``.
        task: as the user says; None to infer it.
        classes: what the outputs of the model stand for, in their order; None to take those that
            there are.
        own: names of the classes that whole targets number; empty where nothing names them.
        name: of the records, for messages.

    Raises:
        ImprintError: targets that fit no task, or not the one that the user says.
    """
    if task is not None and task not in TASKS:
        raise ImprintError(f"task is {task!r}: it must be {', '.join(TASKS)}")
    targets = _plain(values, name)
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.ndim not in (1, 2):
        raise ImprintError(
            f"targets of {name} must be [n] or [n, d], got shape {list(targets.shape)}"
        )
    task = task or infer_task(targets, classes, name)
    if task == "regression":
        return _values(targets, name), task, ()
    if task == "multi_label":
        return _labels(targets, classes, own, name)
    numbers, names = _classes(targets, classes, own, name)
    return numbers, task, names


def infer_task(targets: NDArray[Any], classes: Sequence[Any] | None, name: str) -> Task:
    """Return the task that targets are of.

    Raises:
        ImprintError: a matrix of whole numbers that may be one-hot classes, or is no matrix of 0
            and 1.
    """
    whole = targets.dtype.kind in "biu"
    if targets.ndim == 1:
        return "classification" if whole or targets.dtype.kind == "U" or classes else "regression"
    if targets.dtype.kind == "U":
        raise ImprintError(f"targets of {name} are texts {list(targets.shape)}: give one a record")
    if not np.isin(targets, (0, 1)).all():
        if not whole:
            return "regression"
        raise ImprintError(
            f"targets of {name} are whole numbers {list(targets.shape)}: give one class a record, "
            "0 or 1 a label, or say task='regression'"
        )
    if len(targets) and (targets.sum(axis=1) == 1).all():
        raise ImprintError(
            f"each row of the targets of {name} has a single 1: give the numbers of the classes "
            "(their argmax), or say task='multi_label'"
        )
    return "multi_label"


def class_name(value: Any) -> str:
    """Return the name of a class, the same for 1, 1.0 and "1".

    >>> class_name(np.int64(3)), class_name(3.0), class_name(True), class_name(" a")
    ('3', '3', 'True', ' a')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _plain(values: Any, name: str) -> NDArray[Any]:
    targets = as_array(values, f"targets of {name}")
    if targets.dtype.kind == "S":
        targets = np.char.decode(targets, "utf-8", "replace")
    if targets.dtype.kind == "O":
        flat = targets.ravel().tolist()
        if all(isinstance(value, str) for value in flat):
            targets = targets.astype(str)
        elif all(isinstance(value, int | float | np.number | np.bool_) for value in flat):
            targets = np.array(flat).reshape(targets.shape)
        else:
            raise ImprintError(
                f"targets of {name} hold objects: give numbers or texts, one of them for each "
                "record and none missing"
            )
    if targets.dtype.kind not in "biufU":
        raise ImprintError(f"targets of {name} must be numbers or texts, not {targets.dtype}")
    if targets.dtype.kind == "f" and not np.isfinite(targets).all():
        row = int(np.flatnonzero(~np.isfinite(targets.reshape(len(targets), -1)).all(axis=1))[0])
        raise ImprintError(
            f"targets of {name} are missing or infinite, first in record {row}: leave those "
            "records out"
        )
    return targets


def _values(targets: NDArray[Any], name: str) -> NDArray[Any]:
    return as_numbers(targets, f"targets of {name}")


def _labels(
    targets: NDArray[Any], classes: Sequence[Any] | None, own: Sequence[str], name: str
) -> tuple[NDArray[Any], Task, tuple[str, ...]]:
    matrix = targets[:, None] if targets.ndim == 1 else targets
    if matrix.dtype.kind == "U" or not np.isin(matrix, (0, 1)).all():
        raise ImprintError(f"targets of {name} must be 0 or 1 a label, got {targets.dtype}")
    names = tuple(map(class_name, classes or own)) or tuple(map(str, range(matrix.shape[1])))
    if len(names) != matrix.shape[1]:
        raise ImprintError(
            f"targets of {name} have {matrix.shape[1]} labels and there are {len(names)} names: "
            "give as many"
        )
    return matrix.astype(np.int64), "multi_label", names


def _classes(
    targets: NDArray[Any], classes: Sequence[Any] | None, own: Sequence[str], name: str
) -> tuple[IntArray, tuple[str, ...]]:
    if targets.ndim != 1:
        raise ImprintError(
            f"targets of {name} must be one class a record, got shape {list(targets.shape)}"
        )
    if targets.dtype.kind == "f":
        if (targets != np.round(targets)).any():
            wrong = targets[targets != np.round(targets)][0]
            raise ImprintError(f"targets of {name} must be classes, got {wrong:g}")
        targets = targets.astype(np.int64)
    present, places = np.unique(targets, return_inverse=True)
    if own:
        _check_range(present, len(own), name)
        texts = [own[number] for number in present.tolist()]
    else:
        texts = [class_name(value) for value in present.tolist()]
    if classes is not None and len(classes):
        names = tuple(map(class_name, classes))
        numbers = _numbers_by_name(texts, names, bool(own), name)
    elif own:
        return targets.astype(np.int64), tuple(own)
    elif targets.dtype.kind in "iu":
        _check_range(present, MAX_CLASSES, name)
        names = tuple(map(str, range(int(present.max(initial=0)) + 1)))
        numbers = present.astype(np.int64)
    else:
        names, numbers = tuple(texts), np.arange(len(texts), dtype=np.int64)
    if len(names) > MAX_CLASSES:
        raise ImprintError(
            f"targets of {name} have {len(names)} classes, more than {MAX_CLASSES}: say "
            "task='regression' for values"
        )
    return numbers[places.reshape(-1)], names


def _check_range(present: NDArray[Any], count: int, name: str) -> None:
    if len(present) and not 0 <= present.min() <= present.max() < count:
        raise ImprintError(
            f"classes of {name} run from {present.min()} to {present.max()}: number them from 0 to "
            f"{count - 1}, or say task='regression' for values"
        )


def _numbers_by_name(
    texts: Sequence[str], names: tuple[str, ...], by_name: bool, name: str
) -> IntArray:
    """Return the place of each class among names; whole numbers may be places themselves."""
    places = {text: place for place, text in enumerate(names)}
    if all(text in places for text in texts):
        return np.array([places[text] for text in texts], dtype=np.int64)
    as_places = not by_name and all(text.isdecimal() and int(text) < len(names) for text in texts)
    if as_places:
        return np.array([int(text) for text in texts], dtype=np.int64)
    unknown = next(text for text in texts if text not in places)
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    raise ImprintError(
        f"{name} have the class {unknown!r}, which is none of {shown}: give records of the same "
        "classes"
    )
