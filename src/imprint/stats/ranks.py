"""Ranks of values, the mean rank for equal ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray


def midranks(values: FloatArray, counts: NDArray[np.int64] | None = None) -> FloatArray:
    """Return the midrank of each value, from 1, in a sample that holds it ``counts`` times.

    >>> midranks(np.array([7.0, 5.0, 7.0])).tolist()
    [2.5, 1.0, 2.5]

    Args:
        values: ``[n]``.
        counts: int64 ``[draws, n]``, how often each row is in each sample; once when None.

    Returns:
        float64 ``[n]``, or ``[draws, n]`` with counts.
    """
    _, group = np.unique(values, return_inverse=True)
    if counts is None:
        sizes = np.bincount(group)
        return np.asarray((np.cumsum(sizes) - (sizes - 1) / 2)[group])
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    drawn = np.add.reduceat(counts[:, order], starts, axis=1)
    return np.asarray((np.cumsum(drawn, axis=1) - (drawn - 1) / 2)[:, group])
