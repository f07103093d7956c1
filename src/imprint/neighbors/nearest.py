"""Exact k-nearest neighbours in tiles: never a matrix of all queries × all base vectors.

Two steps. *Screening* (:mod:`imprint.neighbors.screening`): float32 scores by matrix products keep
the best k and some more of each query. *Settling*: the distances of those that can still be among
the k are computed anew in float64, from differences, and sorted by (distance, base index).

Why this is exact: let e bound the error of a float32 score. Then whatever is among the k nearest
by true distance has a score of at most s_k + 2e, where s_k is the k-th best score. So candidates
up to s_k + 2e are settled; where these may not all have been kept (many near-ties), the query is
searched again, for everything up to that score. The bound is probabilistic, not certain: see
:meth:`imprint.neighbors.screening.Screen.error`. While it holds, backends, devices and tile sizes
give the same result.

Cost: 2·N·M·d operations in float32 and 3·N·k·d in float64; memory one tile of scores and N·k
results. A query searched again costs its products once more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.neighbors.distances import SETTLED_ROWS, Metric, distance_keys
from imprint.neighbors.merge import Ranked, first_by_key
from imprint.neighbors.screening import Precision, Screen, Vectors, row_norms

Backend = Literal["auto", "torch", "faiss"]

# Candidates kept beyond k, and their share of k: near-ties at the k-th place, which grow in
# number with k, seldom outnumber them.
SPARE = 8
SPARE_SHARE = 1 / 16
CPU_QUERY_TILE = 1024
GPU_QUERY_TILE = 16384
BASE_TILE = 8192
# For bounded memory: pairs scored at a time in a further search.
REOPENED_PAIRS = 1 << 22
LARGEST_NORM = 1e18


@dataclass(frozen=True)
class Neighbors:
    """The k nearest base vectors of each query, nearest first.

    Attributes:
        indices: int64 ``[N, k]``, rows of the base; distances that are equal in float64 in the
            order of their rows.
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
    distance come in the order of their index: equal rows always, and under cosine rows that are
    exact positive multiples of one another. Other vectors whose distances are equal on paper alone
    may differ by the last bit of float64, and then come in the order of that bit.

    Args:
        queries: ``[N, d]``.
        base: ``[M, d]``; not copied when it is float32 and contiguous (a memory map is fine).
        k: how many, in 1…M.
        metric: ``l2``, or ``cosine``, under which a zero vector is at distance 1 from all.
        device: where scores are computed; faiss runs on the CPU alone.
        backend: what computes scores; ``auto`` is faiss on the CPU if installed, else torch.
        query_tile: queries a tile; 1024 on the CPU, 16384 elsewhere when None.
        base_tile: base vectors a tile; faiss chooses its own where it can take the base as it is.

    Raises:
        ImprintError: shapes do not fit, k is not in 1…M, a vector holds NaN or infinity or is
            longer than 1e18, or the backend is missing.
    """
    if base_tile < 1 or (query_tile is not None and query_tile < 1):
        raise ImprintError(f"tiles of {query_tile} and {base_tile} rows: choose at least 1 each")
    rows, columns = as_vectors(queries, "query"), as_vectors(base, "base vector")
    check_search(rows.shape, columns.shape, k, metric)
    return as_neighbors(
        rank(rows, columns, k, metric, device, backend, query_tile, base_tile), metric
    )


def rank(
    queries: Vectors,
    base: Vectors,
    k: int,
    metric: Metric = "l2",
    device: DeviceName = "auto",
    backend: Backend = "auto",
    query_tile: int | None = None,
    base_tile: int = BASE_TILE,
    first_row: int = 0,
) -> Ranked:
    """Return what :func:`nearest` finds in a shard of a base, with float64 keys to merge by.

    Args:
        queries: float32 ``[N, d]``, of :func:`as_vectors`.
        base: float32 ``[M, d]``, the rows of the shard.
        k: how many, in 1…M.
        metric: as of :func:`nearest`, like device, backend and tiles.
        device: where scores are computed.
        backend: what computes them.
        query_tile: queries a tile.
        base_tile: base vectors a tile.
        first_row: row of the whole base with which the shard begins.

    Raises:
        ImprintError: a vector holds NaN or infinity or is longer than 1e18, or the backend is
            missing.
    """
    place = choose_device(device)
    use_faiss = _use_faiss(backend, place)
    tile = query_tile or (CPU_QUERY_TILE if place.type == "cpu" else GPU_QUERY_TILE)
    indices = np.empty((len(queries), k), dtype=np.int64)
    keys = np.empty((len(queries), k))
    with _full_precision():
        search = _Search(base, k, metric == "cosine", place, use_faiss, base_tile, first_row)
        for start in range(0, len(queries), tile):
            block = slice(start, start + tile)
            ranked = search.nearest(queries[block], start)
            indices[block], keys[block] = ranked.indices, ranked.keys
    return Ranked(indices + first_row, keys)


def as_neighbors(ranked: Ranked, metric: Metric) -> Neighbors:
    """Return ranked rows of a whole base with their distances."""
    distances = ranked.keys if metric == "cosine" else np.sqrt(ranked.keys)
    return Neighbors(ranked.indices, distances.astype(np.float32))


def check_search(queries: tuple[int, ...], base: tuple[int, ...], k: int, metric: Metric) -> None:
    """Check shapes ``[N, d]`` and ``[M, d]``, k and metric.

    Raises:
        ImprintError: they do not fit.
    """
    if metric not in get_args(Metric):
        raise ImprintError(f"no metric {metric!r}: choose one of {', '.join(get_args(Metric))}")
    if queries[1] != base[1]:
        raise ImprintError(
            f"queries have {queries[1]} dimensions and base vectors {base[1]}: "
            "both must come from the same network and layer"
        )
    if not 1 <= k <= base[0]:
        raise ImprintError(
            f"k = {k} neighbours were requested of {base[0]} base vectors: choose k in 1…{base[0]}"
        )


class _Search:
    """One base, ready to be searched with tile after tile of queries."""

    def __init__(
        self,
        base: Vectors,
        k: int,
        cosine: bool,
        device: torch.device,
        use_faiss: bool,
        base_tile: int,
        first_row: int = 0,
    ) -> None:
        self.base = base
        self.k = k
        self.kept = min(k + SPARE + int(SPARE_SHARE * k), len(base))
        self.cosine = cosine
        # Under cosine scores are computed with norms; else these only bound an error.
        self.precision = np.float64 if cosine else np.float32
        self.norms = checked_norms(base, self.precision, "base vector", first_row)
        self.screen = Screen(base, self.norms, cosine, device, use_faiss, base_tile)

    def nearest(self, queries: Vectors, first: int) -> Ranked:
        """Return the k nearest of one tile of queries, from row ``first`` on."""
        norms = checked_norms(queries, self.precision, "query", first)
        prepared = self.screen.prepare(queries, norms)
        scores, candidates = self.screen.best(prepared, self.kept)
        kth = scores[:, self.k - 1]
        limits = kth + 2 * self.screen.error(prepared, kth)
        counts = np.count_nonzero(scores <= limits[:, None], axis=1)
        ranked = self._settle(queries, candidates, counts)
        reopened = np.flatnonzero((counts == self.kept) & (self.kept < len(self.base)))
        step = max(1, REOPENED_PAIRS // len(self.base))
        for start in range(0, len(reopened), step):
            rows = reopened[start : start + step]
            near, near_counts = self.screen.within(prepared[rows], limits[rows])
            again = self._settle(queries[rows], near, near_counts)
            ranked.indices[rows], ranked.keys[rows] = again.indices, again.keys
        return ranked

    def _settle(self, queries: Vectors, rows: IntArray, counts: IntArray) -> Ranked:
        """Return the k nearest of the first candidates of each query, in float64.

        Args:
            queries: float32 ``[q, d]``.
            rows: int64 ``[q, c]``, base rows of the candidates.
            counts: int64 ``[q]``, how many of them count, at least k each.
        """
        keys = np.full(rows.shape, np.inf)

        def fill(block: range) -> None:
            for query in block:
                near = rows[query, : counts[query]]
                for start in range(0, len(near), SETTLED_ROWS):
                    part = slice(start, min(start + SETTLED_ROWS, len(near)))
                    vectors = self.base.take(near[part], axis=0)
                    keys[query, part] = distance_keys(queries[query], vectors, self.cosine)

        threads = torch.get_num_threads()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, [range(first, len(rows), threads) for first in range(threads)]))
        return first_by_key(keys, rows, self.k)


def as_vectors(values: ArrayLike, what: str) -> Vectors:
    """Return a matrix ``[n, d]`` as contiguous float32, not copied where it is that already.

    Raises:
        ImprintError: another shape.
    """
    vectors = np.ascontiguousarray(values, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ImprintError(
            f"nearest neighbours take a matrix [count, dimensions], one row per {what}, got shape "
            f"{list(vectors.shape)}"
        )
    return vectors


def checked_norms(vectors: Vectors, precision: Precision, what: str, first: int = 0) -> FloatArray:
    """Return the length of each vector, float64 ``[n]``; ``first`` is the number of row 0.

    Raises:
        ImprintError: a vector holds NaN or infinity, or is longer than 1e18.
    """
    norms = row_norms(vectors, precision)
    usable = norms <= LARGEST_NORM
    if usable.all():
        return norms
    row = int(np.flatnonzero(~usable)[0])
    problem = (
        f"is longer than {LARGEST_NORM:g}"
        if np.isfinite(vectors[row]).all()
        else "holds NaN or infinity"
    )
    raise ImprintError(
        f"{what} {first + row} {problem}, so it has no neighbours: check the network that made it"
    )


def _use_faiss(backend: Backend, device: torch.device) -> bool:
    if backend not in get_args(Backend):
        raise ImprintError(f"no backend {backend!r}: choose one of {', '.join(get_args(Backend))}")
    if backend == "torch" or (backend == "auto" and device.type != "cpu"):
        return False
    installed = importlib.util.find_spec("faiss") is not None
    if backend == "faiss" and not installed:
        raise ImprintError("backend faiss is not installed: pip install 'imprint[knn]'")
    if backend == "faiss" and device.type != "cpu":
        raise ImprintError(f"backend faiss runs on the CPU, not on {device}: choose device cpu")
    return installed


@contextmanager
def _full_precision() -> Iterator[None]:
    """Keep matrix products in float32: with less, scores err more than :func:`nearest` allows."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
