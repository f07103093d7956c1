"""The nearest base vectors of shards, merged into those of the whole base.

A shard is a run of base rows. Its k nearest are exact, with keys in float64 that are the same in
every shard (:mod:`imprint.neighbors.distances`), so that the k first of all shards by (key, row)
are the rows, in the order, that one search of the whole base returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class Ranked:
    """The nearest base vectors of each query in a shard, nearest first.

    Attributes:
        indices: int64 ``[N, k]``, rows of the whole base.
        keys: float64 ``[N, k]``, what they are ordered by before their rows: squared Euclidean
            distances, or 1 − cosine.
    """

    indices: IntArray
    keys: FloatArray


def first_by_key(keys: FloatArray, rows: IntArray, k: int) -> Ranked:
    """Return the first k rows and keys of each line, by (key, row).

    Args:
        keys: float64 ``[N, c]``.
        rows: int64 ``[N, c]``.
        k: how many, all of fewer.
    """
    order = np.argsort(keys, axis=1)
    rising = np.take_along_axis(keys, order[:, : k + 1], axis=1)
    if (rising[:, 1:] == rising[:, :-1]).any():
        order = np.lexsort((rows, keys), axis=1)
    return Ranked(np.take_along_axis(rows, order[:, :k], axis=1), rising[:, :k])


def merge_shards(shards: Sequence[Ranked], k: int) -> Ranked:
    """Return the k nearest of all shards, in any order of the shards.

    Shards of one base, whose rows are apart, each with its own k nearest or with all of its rows
    where it has fewer.

    >>> first = Ranked(np.array([[0, 1]]), np.array([[0.5, 2.0]]))
    >>> second = Ranked(np.array([[7, 9]]), np.array([[0.5, 1.0]]))
    >>> merge_shards([second, first], k=3).indices.tolist()
    [[0, 7, 9]]

    Raises:
        ImprintError: no shard, shards of other queries, or fewer rows than k in all.
    """
    if not shards or len({len(shard.indices) for shard in shards}) != 1:
        raise ImprintError("shards of different queries cannot be merged: search all with the same")
    indices = np.concatenate([shard.indices for shard in shards], axis=1)
    if indices.shape[1] < k:
        raise ImprintError(
            f"k = {k} neighbours were requested of shards that hold {indices.shape[1]}: give more "
            "shards or a smaller k"
        )
    return first_by_key(np.concatenate([shard.keys for shard in shards], axis=1), indices, k)
