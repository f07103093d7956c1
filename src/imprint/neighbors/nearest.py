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
from scipy.spatial.distance import cdist

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.neighbors.screening import Precision, Screen, Vectors, divisors, row_norms

Metric = Literal["l2", "cosine"]
Backend = Literal["auto", "torch", "faiss"]

# Candidates kept beyond k, and their share of k: near-ties at the k-th place, which grow in
# number with k, seldom outnumber them.
SPARE = 8
SPARE_SHARE = 1 / 16
CPU_QUERY_TILE = 1024
GPU_QUERY_TILE = 16384
BASE_TILE = 8192
# For bounded memory: pairs scored at a time in a further search, base vectors settled at a time.
REOPENED_PAIRS = 1 << 22
SETTLED_ROWS = 1024
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
    if metric not in get_args(Metric):
        raise ImprintError(f"no metric {metric!r}: choose one of {', '.join(get_args(Metric))}")
    if base_tile < 1 or (query_tile is not None and query_tile < 1):
        raise ImprintError(f"tiles of {query_tile} and {base_tile} rows: choose at least 1 each")
    rows, columns = _vectors(queries, "query"), _vectors(base, "base vector")
    if rows.shape[1] != columns.shape[1]:
        raise ImprintError(
            f"queries have {rows.shape[1]} dimensions and base vectors {columns.shape[1]}: "
            "both must come from the same network and layer"
        )
    if not 1 <= k <= len(columns):
        raise ImprintError(
            f"k = {k} neighbours were requested of {len(columns)} base vectors: choose k in "
            f"1…{len(columns)}"
        )
    place = choose_device(device)
    use_faiss = _use_faiss(backend, place)
    tile = query_tile or (CPU_QUERY_TILE if place.type == "cpu" else GPU_QUERY_TILE)
    search = _Search(columns, k, metric == "cosine", place, use_faiss, base_tile)
    indices = np.empty((len(rows), k), dtype=np.int64)
    distances = np.empty((len(rows), k), dtype=np.float32)
    with _full_precision():
        for start in range(0, len(rows), tile):
            block = slice(start, start + tile)
            indices[block], distances[block] = search.nearest(rows[block], start)
    return Neighbors(indices, distances)


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
    ) -> None:
        self.base = base
        self.k = k
        self.kept = min(k + SPARE + int(SPARE_SHARE * k), len(base))
        self.cosine = cosine
        # Under cosine scores are computed with norms; else these only bound an error.
        self.precision = np.float64 if cosine else np.float32
        self.norms = _norms(base, self.precision, "base vector")
        self.screen = Screen(base, self.norms, cosine, device, use_faiss, base_tile)

    def nearest(self, queries: Vectors, first: int) -> tuple[IntArray, FloatArray]:
        """Return indices and distances ``[q, k]`` of one tile of queries, from row ``first`` on."""
        norms = _norms(queries, self.precision, "query", first)
        prepared = self.screen.prepare(queries, norms)
        scores, candidates = self.screen.best(prepared, self.kept)
        kth = scores[:, self.k - 1]
        limits = kth + 2 * self.screen.error(prepared, kth)
        counts = np.count_nonzero(scores <= limits[:, None], axis=1)
        indices, distances = self._settle(queries, candidates, counts)
        reopened = np.flatnonzero((counts == self.kept) & (self.kept < len(self.base)))
        step = max(1, REOPENED_PAIRS // len(self.base))
        for start in range(0, len(reopened), step):
            rows = reopened[start : start + step]
            near, near_counts = self.screen.within(prepared[rows], limits[rows])
            indices[rows], distances[rows] = self._settle(queries[rows], near, near_counts)
        return indices, distances if self.cosine else np.sqrt(distances)

    def _settle(
        self, queries: Vectors, rows: IntArray, counts: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the k nearest of the first candidates of each query, in float64.

        Args:
            queries: float32 ``[q, d]``.
            rows: int64 ``[q, c]``, base rows of the candidates.
            counts: int64 ``[q]``, how many of them count, at least k each.

        Returns:
            int64 base rows and float64 distances (squared for l2), ``[q, k]`` each.
        """
        distances = np.full(rows.shape, np.inf)

        def fill(block: range) -> None:
            for query in block:
                near = rows[query, : counts[query]]
                distances[query, : len(near)] = self._distances(queries[query], near)

        threads = torch.get_num_threads()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, [range(first, len(rows), threads) for first in range(threads)]))
        return _first(distances, rows, self.k)

    def _distances(self, query: Vectors, rows: IntArray) -> FloatArray:
        """Return float64 distances (squared for l2) of one query to base rows, ``[c]``.

        Summed from differences, pair by pair in the same order, so that the distance of two
        vectors is the same in every tile and equal rows tie.
        """
        distances = np.empty(len(rows))
        for start in range(0, len(rows), SETTLED_ROWS):
            part = slice(start, start + SETTLED_ROWS)
            near = self.base.take(rows[part], axis=0)
            if self.cosine:
                distances[part] = _cosine_distances(query, near)
            else:
                distances[part] = cdist(query[None], near, "sqeuclidean")[0]
        return distances


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


def _first(distances: FloatArray, rows: IntArray, k: int) -> tuple[IntArray, FloatArray]:
    """Return the first k rows and distances of each line, by (distance, row), ``[q, k]`` each."""
    order = np.argsort(distances, axis=1)
    rising = np.take_along_axis(distances, order[:, : k + 1], axis=1)
    if (rising[:, 1:] == rising[:, :-1]).any():
        order = np.lexsort((rows, distances), axis=1)
    return np.take_along_axis(rows, order[:, :k], axis=1), rising[:, :k]


def _vectors(values: ArrayLike, what: str) -> Vectors:
    vectors = np.ascontiguousarray(values, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ImprintError(
            f"nearest neighbours take a matrix [count, dimensions], one row per {what}, got shape "
            f"{list(vectors.shape)}"
        )
    return vectors


def _norms(vectors: Vectors, precision: Precision, what: str, first: int = 0) -> FloatArray:
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
