"""Exact k-nearest neighbours in tiles: never a matrix of all queries × all base vectors.

Two steps. *Screening*: float32 scores by matrix products, tile by tile, keep the best k + 32 of
each query (faiss on the CPU where it is installed, else torch, on any device). *Settling*: the
distances of those that can still be among the k are computed anew in float64, from differences,
and sorted by (distance, base index).

Why the result is exact: with e the error of a float32 score, whatever is not among the k nearest
by true distance has a score above s_k − e, and whatever is, one of at most s_k + 2e, where s_k is
the k-th best score. So only candidates up to s_k + 2e are settled; where these may not all have
been kept (more than 32 near-ties), the query is searched again, for everything up to that score.
For e see ``_Search._score_error``; backends, devices and tile sizes give the same result.

Cost: 2·N·M·d operations, N·k·d of them again in float64; memory one tile of scores and N·k
results. A fallback on many exact duplicates costs up to the same again in float64.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from imprint.data.imageset import FloatArray, IntArray
from imprint.device import DeviceName, choose_device
from imprint.errors import ImprintError

Metric = Literal["l2", "cosine"]
Backend = Literal["auto", "torch", "faiss"]
Vectors = NDArray[np.float32]
Precision = type[np.float32] | type[np.float64]

# Candidates kept beyond k: near-ties at the k-th place seldom outnumber them.
SPARE = 32
REOPENED_QUERIES = 64
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
            f"k = {k} neighbours were asked of {len(columns)} base vectors: choose k in "
            f"1…{len(columns)}"
        )
    place = choose_device(device)
    search = _Search(columns, k, metric, place, _use_faiss(backend, place), base_tile)
    tile = query_tile or (CPU_QUERY_TILE if place.type == "cpu" else GPU_QUERY_TILE)
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
        metric: Metric,
        device: torch.device,
        use_faiss: bool,
        base_tile: int,
    ) -> None:
        self.base = base
        self.k = k
        self.kept = min(k + SPARE, len(base))
        self.cosine = metric == "cosine"
        self.device = device
        self.use_faiss = use_faiss
        # Unit vectors settle with their norms; squared distances only bound their error by them.
        self.precision = np.float64 if self.cosine else np.float32
        self.norms = _norms(base, self.precision, "base vector")
        self.centre = None if self.cosine else _centre(base)
        self.as_is = not self.cosine and self.centre is None
        self.base_tile = base_tile
        self.prepared_norms = (
            self.norms
            if self.as_is
            else np.concatenate(
                [_row_norms(tile, np.float32) for _, tile in self._tiles(base_tile)]
            )
        )
        self.longest = float(self.prepared_norms.max())

    def nearest(self, queries: Vectors, first: int) -> tuple[IntArray, FloatArray]:
        """Return indices and distances ``[q, k]`` of one tile of queries, from row ``first`` on."""
        norms = _norms(queries, self.precision, "query", first)
        prepared = self._prepare(queries, norms)
        scores, candidates = self._screen(prepared)
        limit = scores[:, self.k - 1] + 2 * self._score_error(prepared, scores[:, self.k - 1])
        inside = np.count_nonzero(scores <= limit[:, None], axis=1)
        indices, distances = self._settle(queries, norms, candidates, inside)
        if self.kept < len(self.base):
            uncertain = np.flatnonzero(inside == self.kept)
            for start in range(0, len(uncertain), REOPENED_QUERIES):
                rows = uncertain[start : start + REOPENED_QUERIES]
                found = self._within(prepared[rows], limit[rows])
                for row, near in zip(rows, found, strict=True):
                    indices[row], distances[row] = self._settle_one(
                        queries[row : row + 1], norms[row : row + 1], near
                    )
        return indices, distances if self.cosine else np.sqrt(distances)

    def _prepare(self, vectors: Vectors, norms: FloatArray) -> Vectors:
        """Return what scores are computed of: centred vectors, or unit ones under cosine."""
        if self.cosine:
            return (vectors / _divisors(norms)[:, None]).astype(np.float32)
        return vectors if self.centre is None else vectors - self.centre

    def _tiles(self, size: int) -> Iterator[tuple[slice, Vectors]]:
        for start in range(0, len(self.base), size):
            part = slice(start, start + size)
            yield part, self._prepare(self.base[part], self.norms[part])

    def _score_error(self, prepared: Vectors, kth: FloatArray) -> FloatArray:
        """Return how far the scores that matter may lie from the true distances, ``[q]``.

        A float32 dot product of x and y is off by at most γ · |x| · |y|, γ = min(d, 8 √d) · 2⁻²⁴:
        the classical bound, or the probabilistic one with λ = 8, which fails with a probability
        below 2 d exp(−32) (Higham and Mary 2019, theorem 2.4). The squared distance
        |x|² + |y|² − 2 x·y is then off by γ (|x| + |y|)²; 16 more roundings cover preparation and
        sums. Vectors longer than |x| plus the k-th distance are not among the k.
        """
        dimensions = self.base.shape[1]
        gamma = 1.05 * 2.0**-24 * (min(dimensions, 8 * dimensions**0.5) + 16)
        underflow = dimensions * 1e-44
        if self.cosine:
            return np.full(len(kth), gamma + underflow)
        norms = _row_norms(prepared, np.float32)
        radius = 1.1 * np.sqrt(np.maximum(kth, 0)) + 3 * np.sqrt(gamma) * norms
        return np.asarray(
            gamma * (norms + np.minimum(self.longest, norms + radius)) ** 2 + underflow
        )

    def _screen(self, prepared: Vectors) -> tuple[FloatArray, IntArray]:
        """Return scores, rising, and base rows of the best ``kept``, ``[q, kept]`` each."""
        queries = _tensor(prepared, self.device)
        scores = torch.empty(len(prepared), 0, device=self.device)
        rows = torch.empty(len(prepared), 0, dtype=torch.int64, device=self.device)
        # faiss has tiles of its own; only what must be prepared is handed over in parts.
        whole = self.use_faiss and self.as_is
        for part, tile in self._tiles(len(self.base) if whole else self.base_tile):
            if self.use_faiss:
                more, found = self._best_by_faiss(prepared, tile)
            else:
                every = self._scores(queries, part, tile)
                more, found = every.topk(min(self.kept, len(tile)), largest=False, sorted=False)
            scores = torch.cat([scores, more], dim=1)
            rows = torch.cat([rows, found + part.start], dim=1)
            scores, best = scores.topk(min(self.kept, scores.shape[1]), largest=False)
            rows = rows.gather(1, best)
        return scores.cpu().double().numpy(), rows.cpu().numpy()

    def _best_by_faiss(self, queries: Vectors, tile: Vectors) -> tuple[torch.Tensor, torch.Tensor]:
        import faiss

        metric = faiss.METRIC_INNER_PRODUCT if self.cosine else faiss.METRIC_L2
        scores, rows = faiss.knn(queries, tile, min(self.kept, len(tile)), metric)
        return torch.from_numpy(1 - scores if self.cosine else scores), torch.from_numpy(rows)

    def _scores(self, queries: torch.Tensor, part: slice, tile: Vectors) -> torch.Tensor:
        """Return all scores ``[q, tile]``: 1 − cosine, or the squared Euclidean distance."""
        vectors = _tensor(tile, self.device)
        if self.cosine:
            return torch.addmm(queries.new_ones(1), queries, vectors.T, alpha=-1)
        squares = torch.from_numpy(self.prepared_norms[part] ** 2).float().to(self.device)
        own = torch.linalg.vector_norm(queries, dim=1, keepdim=True).square()
        return torch.addmm(squares[None], queries, vectors.T, alpha=-2).add_(own)

    def _within(self, prepared: Vectors, limit: FloatArray) -> list[IntArray]:
        """Return all base rows whose scores are at most ``limit``, for each query."""
        queries = _tensor(prepared, self.device)
        limits = torch.from_numpy(limit)[:, None]
        found: list[list[IntArray]] = [[] for _ in prepared]
        for part, tile in self._tiles(self.base_tile):
            inside = self._scores(queries, part, tile).cpu().double() <= limits
            for place, mask in enumerate(inside.numpy()):
                found[place].append(part.start + np.flatnonzero(mask))
        return [np.concatenate(parts) for parts in found]

    def _settle(
        self, queries: Vectors, norms: FloatArray, rows: IntArray, inside: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the k nearest of the first ``inside`` candidates of each query, exactly.

        Args:
            queries: float32 ``[q, d]``.
            norms: float64 ``[q]``.
            rows: int64 ``[q, c]``, base rows of the candidates.
            inside: int64 ``[q]``, at least k each.

        Returns:
            int64 base rows and float64 distances (squared for l2), ``[q, k]`` each.
        """
        step = max(1, SETTLED_VALUES // (rows.shape[1] * queries.shape[1]))
        spans = [slice(start, start + step) for start in range(0, len(queries), step)]

        indices = np.empty((len(queries), self.k), dtype=np.int64)
        distances = np.empty((len(queries), self.k))

        def settle(some: list[slice]) -> None:
            for span in some:
                near = rows[span, : inside[span].max()]
                found = self._distances(queries[span], norms[span], near)
                order = _order(found, near)[:, : self.k]
                indices[span] = np.take_along_axis(near, order, axis=1)
                distances[span] = np.take_along_axis(found, order, axis=1)

        count = torch.get_num_threads()
        with ThreadPoolExecutor(count) as threads:
            list(threads.map(settle, [spans[first::count] for first in range(count)]))
        return indices, distances

    def _settle_one(
        self, query: Vectors, norm: FloatArray, rows: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Return the k nearest of any number of candidates ``[c]`` of one query ``[1, d]``."""
        step = max(1, SETTLED_VALUES // query.shape[1])
        parts = [rows[None, start : start + step] for start in range(0, len(rows), step)]
        distances = np.concatenate([self._distances(query, norm, part)[0] for part in parts])
        order = np.lexsort((rows, distances))[: self.k]
        return rows[order], distances[order]

    def _distances(self, queries: Vectors, norms: FloatArray, rows: IntArray) -> FloatArray:
        """Return float64 distances (squared for l2) of queries to base rows ``[q, c]``.

        Summed from differences, pair by pair in the same order, so that the distance of two
        vectors is the same in every tile and equal rows tie.
        """
        shape = (*rows.shape, queries.shape[1])
        gathered, differences = _buffers(rows.size * queries.shape[1])
        np.take(self.base, rows.ravel(), axis=0, out=gathered.reshape(-1, shape[2]), mode="clip")
        differences = differences.reshape(shape)
        np.copyto(differences, gathered.reshape(shape))
        if not self.cosine:
            np.subtract(differences, queries[:, None].astype(np.float64), out=differences)
            return np.asarray(np.vecdot(differences, differences))
        differences /= _divisors(self.norms[rows])[:, :, None]
        differences -= (queries / _divisors(norms)[:, None])[:, None]
        distances = np.vecdot(differences, differences) / 2
        undirected = (self.norms[rows] == 0) | (norms == 0)[:, None]
        return np.where(undirected, 1.0, distances)


def _order(distances: FloatArray, rows: IntArray) -> IntArray:
    """Return what sorts each line by distance, then by row, ``[q, c]``."""
    order = np.argsort(distances, axis=1)
    rising = np.take_along_axis(distances, order, axis=1)
    if (rising[:, 1:] == rising[:, :-1]).any():
        order = np.lexsort((rows, distances), axis=1)
    return order


_thread = threading.local()


def _buffers(size: int) -> tuple[NDArray[np.float32], FloatArray]:
    """Return this thread's float32 and float64 scratch arrays ``[size]``.

    Kept from call to call: fresh pages for every tile would cost more than the arithmetic.
    """
    if getattr(_thread, "size", 0) < size:
        _thread.size = size
        _thread.gathered = np.empty(size, dtype=np.float32)
        _thread.differences = np.empty(size, dtype=np.float64)
    return _thread.gathered[:size], _thread.differences[:size]


def _vectors(values: ArrayLike, what: str) -> Vectors:
    vectors = np.ascontiguousarray(values, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise ImprintError(
            f"nearest neighbours take a matrix [count, dimensions], one row a {what}, "
            f"got shape {list(vectors.shape)}"
        )
    return vectors


def _norms(vectors: Vectors, precision: Precision, what: str, first: int = 0) -> FloatArray:
    """Return the length of each vector, float64 ``[n]``; ``first`` is the number of row 0.

    Raises:
        ImprintError: a vector holds NaN or infinity, or is longer than 1e18.
    """
    norms = _row_norms(vectors, precision)
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


def _row_norms(vectors: Vectors, precision: Precision) -> FloatArray:
    """Return the length of each row, float64 ``[n]``, summed in ``precision``."""
    norms = np.empty(len(vectors))
    step = max(1, SETTLED_VALUES // vectors.shape[1])
    for start in range(0, len(vectors), step):
        part = vectors[start : start + step].astype(precision, copy=False)
        # What overflows or is not a number is refused by its norm.
        with np.errstate(over="ignore", invalid="ignore"):
            norms[start : start + step] = np.sqrt(np.vecdot(part, part))
    return norms


def _divisors(norms: FloatArray) -> FloatArray:
    """Return norms to divide by; a zero vector stays zero."""
    return np.where(norms > 0, norms, 1.0)


def _centre(base: Vectors) -> Vectors | None:
    """Return the mean of some 250 base vectors if it outweighs their spread, else None.

    Scores lose as many digits as |x|² exceeds the squared distances; a common offset, as of
    features behind a ReLU, need not cost any.
    """
    some = base[:: max(1, len(base) // 250)].astype(np.float64)
    mean = some.mean(axis=0)
    spread = np.square(some - mean).sum(axis=1).mean()
    return mean.astype(np.float32) if mean @ mean > 4 * spread else None


def _tensor(vectors: Vectors, device: torch.device) -> torch.Tensor:
    # torch cannot share memory that must not be written, e.g. of a read-only memory map.
    return torch.from_numpy(vectors if vectors.flags.writeable else vectors.copy()).to(device)


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
