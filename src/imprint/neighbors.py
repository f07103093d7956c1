"""Exact k-nearest neighbours in tiles: never a matrix of all queries × all base vectors.

Two steps. *Screening*: float32 scores by matrix products, tile by tile, keep the best k + 32 of
each query (faiss on the CPU where it is installed, else torch, on any device). *Settling*: the
distances of those that can still be among the k are computed anew in float64, from differences,
and sorted by (distance, base index).

Why the result is exact: with e the error of a float32 score, whatever is not among the k nearest
by true distance has a score above s_k − e, and whatever is, one of at most s_k + 2e, where s_k is
the k-th best score. So only candidates up to s_k + 2e are settled; where these may not all have
been kept (more than 32 near-ties), the query is searched again, for everything up to that score.
For e see :func:`_score_error`; both backends, all devices and all tile sizes give the same result.

Cost: 2·N·M·d operations, N·k·d of them again in float64; memory one tile of scores and N·k
results. A fallback on many exact duplicates costs up to the same again in float64.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from imprint.data.imageset import FloatArray, IntArray
from imprint.device import DeviceName, choose_device
from imprint.errors import ImprintError

Metric = Literal["l2", "cosine"]
Backend = Literal["auto", "torch", "faiss"]
Vectors = NDArray[np.float32]

SPARE = 32
CPU_QUERY_TILE = 1024
GPU_QUERY_TILE = 16384
BASE_TILE = 8192
# float64 values settled at a time: they then stay in the cache of one core.
SETTLED_VALUES = 1 << 18
LARGEST_NORM = 1e18


@dataclass(frozen=True)
class Neighbors:
    """The k nearest base vectors of each query, nearest first.

    Attributes:
        indices: int64 ``[N, k]``, rows of the base; equal distances in the order of their rows.
        distances: float32 ``[N, k]``, Euclidean, or 1 − cosine in [0, 2].
    """

    indices: IntArray
    distances: NDArray[np.float32]


def nearest(
    queries: ArrayLike,
    base: ArrayLike,
    k: int,
    metric: Metric = "l2",
    device: DeviceName = "auto",
    backend: Backend = "auto",
    query_tile: int | None = None,
    base_tile: int = BASE_TILE,
) -> Neighbors:
    """Return the exact k nearest base vectors of each query.

    Distances are those of the vectors as float32, computed in float64. Base rows at the same
    distance, as bitwise equal rows are, come in the order of their index.

    Args:
        queries: ``[N, d]``.
        base: ``[M, d]``; not copied when it is float32 and contiguous (a memory map is fine).
        k: how many, in 1…M.
        metric: ``l2``, or ``cosine``, under which a zero vector is at distance 1 from all.
        device: where scores are computed; faiss runs on the CPU alone.
        backend: what computes scores; ``auto`` is faiss on the CPU if installed, else torch.
        query_tile: queries a tile; 1024 on the CPU, 16384 elsewhere when None.
        base_tile: base vectors a tile.

    Raises:
        ImprintError: shapes do not fit, k is not in 1…M, a vector holds NaN or infinity or is
            longer than 1e18, or the backend is missing.
    """
    rows, columns = _vectors(queries, "query"), _vectors(base, "base vector")
    if rows.shape[1] != columns.shape[1]:
        raise ImprintError(
            f"queries have {rows.shape[1]} dimensions and base vectors {columns.shape[1]}: "
            "both must come from the same network and layer"
        )
    if not 1 <= k <= len(columns):
        raise ImprintError(
            f"k = {k} neighbours were asked of {len(columns)} base vectors: choose k in "
            f"1…{len(columns)}"
        )
    place = choose_device(device)
    search = _Search(
        columns,
        k,
        metric,
        place,
        use_faiss=_use_faiss(backend, place),
        base_tile=max(1, base_tile),
    )
    tile = query_tile or (CPU_QUERY_TILE if place.type == "cpu" else GPU_QUERY_TILE)
    indices = np.empty((len(rows), k), dtype=np.int64)
    distances = np.empty((len(rows), k), dtype=np.float32)
    with _full_precision():
        for start in range(0, len(rows), tile):
            block = slice(start, start + tile)
            indices[block], distances[block] = search.nearest(rows[block], start)
    return Neighbors(indices, distances)


class _Search:
    """One base, ready to be searched tile by tile."""

    def __init__(
        self,
        base: Vectors,
        k: int,
        metric: Metric,
        device: torch.device,
        use_faiss: bool,
        base_tile: int,
    ) -> None:
        self.base = base
        self.k = k
        self.cosine = metric == "cosine"
        self.device = device
        self.use_faiss = use_faiss
        self.base_tile = base_tile
        self.norms = _norms(base, 0, "base vector")
        self.centre = None if self.cosine else _centre(base)
        self.longest = float(self._prepared_norms().max())
        self._gathered = np.empty(0, dtype=np.float32)
        self._differences = np.empty(0, dtype=np.float64)

    def nearest(self, queries: Vectors, first: int) -> tuple[IntArray, FloatArray]:
        """Return indices and distances ``[q, k]`` of one tile; ``first`` is its first row."""
        norms = _norms(queries, first, "query")
        prepared = self._prepare(queries, norms)
        scores, candidates = self._screen(prepared)
        reach = scores[:, self.k - 1] + 2 * self._score_error(prepared, scores[:, self.k - 1])
        inside = np.count_nonzero(scores <= reach[:, None], axis=1)
        indices, distances = self._settle(queries, norms, candidates, inside)
        if candidates.shape[1] < len(self.base):
            for row in np.flatnonzero(inside == candidates.shape[1]):
                one = slice(row, row + 1)
                indices[row], distances[row] = self._settle_all(
                    queries[one], norms[one], prepared[one], float(reach[row])
                )
        return indices, distances
