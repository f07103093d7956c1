"""Memorization and influence that others computed, in the two layouts Feldman and Zhang released.

High-influence pairs: ``tr_idx``, ``tt_idx``, ``infl``, ``mem``, each ``[p]``. Influence matrices:
``tr_mem [N]``, ``tr_labels [N]``, ``tt_labels [q]`` and, for every class c, ``tr_classidx_{c}``
``[n_c]``, ``tt_classidx_{c} [q_c]`` and ``infl_matrix_class{c} [n_c, q_c]``, records first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.memorization.estimators import InfluencePairs
from imprint.reading.array_files import read_npz

_CLASS_KEY = re.compile(r"tr_classidx_(\d{1,9})")

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ClassInfluence:
    """Influence within one class.

    Attributes:
        train: int64 ``[n_c]``, indices of the records.
        test: int64 ``[q_c]``, indices of the test examples.
        influence: float64 ``[q_c, n_c]``, test examples first, as everywhere in imprint; None if
            the file leaves it out.
    """

    train: IntArray
    test: IntArray
    influence: FloatArray | None


@dataclass(frozen=True)
class PublishedInfluence:
    """Memorization of a whole training set, and influence within its classes.

    Attributes:
        memorization: float64 ``[N]``.
        labels: int64 ``[N]``, classes of the records.
        test_labels: int64 ``[q]``, classes of the test examples.
        classes: for each class that the file holds, its influence.
    """

    memorization: FloatArray
    labels: IntArray
    test_labels: IntArray
    classes: dict[int, ClassInfluence]


def read_pairs(path: str | Path) -> InfluencePairs:
    """Read a file of high-influence pairs, strongest first; their standard errors are NaN.

    Raises:
        ImprintError: no such file, it is no ``.npz``, or its arrays are missing or do not fit.
    """
    file = _arrays(path)
    train, test = _indices(file, "tr_idx", path), _indices(file, "tt_idx", path)
    strength, score = _numbers(file, "infl", path), _numbers(file, "mem", path)
    lengths = {len(train), len(test), len(strength), len(score)}
    if len(lengths) > 1:
        raise ImprintError(
            f"{path}: tr_idx, tt_idx, infl and mem differ in length ({sorted(lengths)}): "
            "a row of each must be one pair"
        )
    order = np.lexsort((train, test, -strength))
    missing = np.full(len(order), np.nan)
    return InfluencePairs(train[order], test[order], strength[order], score[order], missing)


def read_influence_matrix(path: str | Path) -> PublishedInfluence:
    """Read a file of memorization and of influence matrices by class.

    Raises:
        ImprintError: as :func:`read_pairs`, or a class refers to examples that there are not.
    """
    file = _arrays(path)
    score = _numbers(file, "tr_mem", path)
    labels = _indices(file, "tr_labels", path)
    test_labels = _indices(file, "tt_labels", path)
    if len(score) != len(labels):
        raise ImprintError(
            f"{path}: tr_mem has {len(score)} values and tr_labels {len(labels)}: "
            "both must be of the training set"
        )
    labels_in_file = [int(key[1]) for name in file if (key := _CLASS_KEY.fullmatch(name))]
    classes = {
        label: _read_class(file, label, labels, test_labels, path)
        for label in sorted(labels_in_file)
    }
    return PublishedInfluence(score, labels, test_labels, classes)


def _read_class(
    file: Arrays, label: int, labels: IntArray, test_labels: IntArray, path: str | Path
) -> ClassInfluence:
    train = _indices(file, f"tr_classidx_{label}", path)
    name = f"tt_classidx_{label}"
    test = _indices(file, name, path) if name in file else np.flatnonzero(test_labels == label)
    for indices, known in ((train, labels), (test, test_labels)):
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(known):
            raise ImprintError(
                f"{path}: class {label} refers to examples "
                f"{indices.min()} to {indices.max()} of {len(known)}"
            )
    name = f"infl_matrix_class{label}"
    if name not in file:
        return ClassInfluence(train, test, None)
    stored = _array(file, name, path)
    if stored.dtype.kind != "f":
        raise ImprintError(f"{path}: {name} is {stored.dtype}: it must be floats")
    matrix = stored.astype(np.float64)
    if matrix.shape != (len(train), len(test)):
        raise ImprintError(
            f"{path}: {name} is {list(matrix.shape)}, but class {label} has "
            f"{len(train)} records and {len(test)} test examples"
        )
    return ClassInfluence(train, test, np.ascontiguousarray(matrix.T))


def _arrays(path: str | Path) -> Arrays:
    try:
        return read_npz(Path(path))
    except OSError as error:
        raise ImprintError(
            f"no file {path} ({error.strerror}): give a .npz of memorization or influence"
        ) from None


def _array(file: Arrays, name: str, path: str | Path) -> NDArray[np.generic]:
    if name not in file:
        raise ImprintError(f"{path} has no array {name}: it holds {', '.join(sorted(file))}")
    return file[name]


def _indices(file: Arrays, name: str, path: str | Path) -> IntArray:
    array = _array(file, name, path)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ImprintError(
            f"{path}: {name} is {array.dtype} {list(array.shape)}: it must be integers on one axis"
        )
    return array.astype(np.int64)


def _numbers(file: Arrays, name: str, path: str | Path) -> FloatArray:
    array = _array(file, name, path)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.floating):
        raise ImprintError(
            f"{path}: {name} is {array.dtype} {list(array.shape)}: it must be floats on one axis"
        )
    return array.astype(np.float64)
