"""Distances of a query to some base vectors in float64, the same in every tile and every shard.

They are summed from differences, pair by pair in the same order, so that equal rows tie, wherever
they stand. Keys order as distances do: squared for l2, 1 − cosine.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.spatial.distance import cdist

from imprint.core.arrays import FloatArray
from imprint.neighbors.screening import Vectors, divisors

Metric = Literal["l2", "cosine"]

SETTLED_ROWS = 1024
"""Vectors that are converted to float64 at a time."""


def distance_keys(query: Vectors, near: Vectors, cosine: bool) -> FloatArray:
    """Return what the distances of one query ``[d]`` to vectors ``[c, d]`` order by, ``[c]``.

    Args:
        query: float32.
        near: float32.
        cosine: 1 − cosine, else squared Euclidean distances.
    """
    keys = np.empty(len(near))
    for start in range(0, len(near), SETTLED_ROWS):
        part = slice(start, start + SETTLED_ROWS)
        if cosine:
            keys[part] = _cosine_distances(query, near[part])
        else:
            keys[part] = cdist(query[None], near[part], "sqeuclidean")[0]
    return keys


def _cosine_distances(query: Vectors, near: Vectors) -> FloatArray:
    """Return 1 − cosine as half the squared distance of unit vectors: no digits cancel."""
    (own,), units = _units(query[None]), _units(near)
    if not own.any():
        return np.ones(len(near))
    distances = cdist(own[None], units, "sqeuclidean")[0] / 2
    return np.where(units.any(axis=1), distances, 1.0)


def _units(vectors: Vectors) -> FloatArray:
    """Return vectors of length 1, float64, the same bits for exact multiples; zero stays zero.

    Division rounds a ratio by its value alone, so that multiples agree once each is divided by its
    greatest component; from there on they go through the same operations.
    """
    largest = np.abs(vectors).max(axis=1, initial=0).astype(np.float64)
    scaled = vectors / divisors(largest)[:, None]
    squares = cdist(scaled, np.zeros((1, vectors.shape[1])), "sqeuclidean")
    return scaled / divisors(np.sqrt(squares))
