"""Rows that repeat another one: the same record listed more than once.

A copy adds no information to the first row, but resolution, intervals and controls would
count it as one more record. Equal values alone do not make a copy: scores that are rounded,
clipped or all alike tie as well. What distinguishes copies is that all rows of one value agree in
membership too, far more often than rows of neighbouring values do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from imprint.core.arrays import BoolArray, FloatArray, IntArray

MAX_COINCIDENCE = 1e-6
"""Probability of so many agreeing groups of equal rows below which they are taken for copies."""
MAX_UNTESTED_SHARE = 0.01
"""Share of the rows up to which equal rows that all agree are counted once without a test: of so
few, nothing is lost where they are ties."""


def first_of_copies(
    signals: FloatArray, members: BoolArray, few: float = MAX_UNTESTED_SHARE
) -> IntArray:
    """Return the first row that each row repeats: itself where it is no copy.

    Rows equal in every signal form a group. If membership were independent of being listed twice,
    a group would agree in it with the probability that records of neighbouring values do; the
    number of groups that agree is compared with that binomial. O(N log N).

    >>> first_of_copies(np.array([[1.0, 2.0, 1.0]]), np.array([[True, False, False]])).tolist()
    [0, 1, 2]

    Args:
        signals: float64 ``[D, N]``, everything that is known about the records.
        members: bool ``[M, N]``, the membership of the target and of every reference model.
        few: share of the rows up to which equal rows that all agree are copies without a test.

    Returns:
        int64 ``[N]``.
    """
    return first_of_groups(group_rows(signals), signals[0], members, few)


def first_of_groups(
    group: IntArray, values: FloatArray, members: BoolArray, few: float = MAX_UNTESTED_SHARE
) -> IntArray:
    """Return what :func:`first_of_copies` returns, of rows whose equal signals are known.

    Args:
        group: int64 ``[N]``, of :func:`group_rows`.
        values: float64 ``[N]``, the first signal.
        members: bool ``[M, N]``.
        few: as there.
    """
    own = np.arange(len(group))
    copied = group_rows([group, *members])
    first = _first_rows(copied)
    sizes = np.bincount(group)
    # Groups of equal signals with more than one row, and those of them with one membership.
    tied = np.flatnonzero(sizes >= 2)
    if not len(tied):
        return own
    starts = np.unique(group, return_index=True)[1]
    agrees = np.bincount(copied)[copied[starts[tied]]] == sizes[tied]
    chance = _agreement_of_neighbours(values, group, members)
    surprise = float(binom.sf(np.count_nonzero(agrees) - 1, len(tied), chance))
    rare = bool(agrees.all()) and np.count_nonzero(first != own) <= few * len(own)
    if surprise >= MAX_COINCIDENCE and not rare:
        return own
    agreeing = np.zeros(len(sizes), dtype=bool)
    agreeing[tied[agrees]] = True
    return np.where(agreeing[group], first, own)


def count_tied_rows(group: IntArray) -> int:
    """Return how many rows share every signal with another row; of :func:`group_rows`."""
    sizes = np.bincount(group)
    return int(sizes[sizes >= 2].sum())


def group_rows(columns: Iterable[NDArray[Any]]) -> IntArray:
    """Return one number per row, equal where all columns are equal, int64 ``[N]``.

    Column after column, and of each only what rows have that were equal so far: of signals that
    seldom tie O(N log N) for the first and little for the others.

    Args:
        columns: numbers ``[N]`` each, one at least; read once.
    """
    group: IntArray | None = None
    for column in columns:
        if group is None:
            group = np.asarray(np.unique(column, return_inverse=True)[1], dtype=np.int64)
            continue
        tied = np.flatnonzero(np.bincount(group)[group] >= 2)
        if not len(tied):
            break
        pairs = np.stack([group[tied], np.unique(column[tied], return_inverse=True)[1]])
        fresh = np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
        group[tied] = group.max() + 1 + fresh
        group = np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)
    assert group is not None
    return group


def _first_rows(group: IntArray) -> IntArray:
    _, starts, which = np.unique(group, return_index=True, return_inverse=True)
    return np.asarray(starts[which.ravel()], dtype=np.int64)


def _agreement_of_neighbours(values: FloatArray, group: IntArray, members: BoolArray) -> float:
    """Return how often records of adjacent different values agree in membership, in (0, 1)."""
    order = np.lexsort((group, values))
    left, right = order[:-1], order[1:]
    differ = group[left] != group[right]
    alike = np.ones(len(left), dtype=bool)
    for inside in members:
        alike &= inside[left] == inside[right]
    same = alike[differ]
    return (np.count_nonzero(same) + 1) / (len(same) + 2)
