"""Leading neurons that classes have in common, and that methods have in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray


def class_counts(leading: IntArray, total: int) -> IntArray:
    """Return for how many classes each neuron leads, int64 ``[total]``.

    >>> class_counts(np.array([[0, 2], [2, 3]]), 4).tolist()
    [1, 0, 2, 1]

    Args:
        leading: int64 ``[classes, m]``, the leading neurons of each class, all different.
        total: how many neurons there are.
    """
    return np.bincount(leading.ravel(), minlength=total).astype(np.int64)


def overlaps(leading: IntArray) -> FloatArray:
    """Return the share of the leading neurons that each two classes have in common, ``[c, c]``.

    >>> overlaps(np.array([[0, 2], [2, 3]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]

    Args:
        leading: int64 ``[classes, m]``, the leading neurons of each class, all different.
    """
    member = np.zeros((len(leading), int(leading.max(initial=0)) + 1))
    np.put_along_axis(member, leading, 1.0, axis=1)
    return np.asarray(member @ member.T / leading.shape[1])


def named_by_methods(leading: Sequence[IntArray], total: int) -> tuple[BoolArray, BoolArray]:
    """Return which neurons lead for each class by every method, and by some, ``[classes, total]``.

    >>> every, some = named_by_methods([np.array([[0, 1]]), np.array([[1, 2]])], 4)
    >>> every.tolist(), some.tolist()
    ([[False, True, False, False]], [[True, True, True, False]])

    Args:
        leading: of each method, int64 ``[classes, m]``.
        total: how many neurons there are.
    """
    member = np.zeros((len(leading), len(leading[0]), total), dtype=bool)
    for row, each in enumerate(leading):
        np.put_along_axis(member[row], each, True, axis=1)
    return np.asarray(member.all(axis=0)), np.asarray(member.any(axis=0))
