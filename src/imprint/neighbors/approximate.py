"""Approximate nearest neighbours for bases of 10⁷ to 10⁹ vectors, with the recall that they have.

1. An index on disk (:mod:`imprint.neighbors.index_file`) proposes ``candidates`` rows a query.
2. Their distances are computed exactly, in float64, from the vectors on disk; the k first by
   (distance, row) are the result, as of :func:`imprint.neighbors.nearest.nearest`.
3. Some queries, drawn from a seed, are searched exactly as well: the share of their k nearest that
   was found is the recall, with an interval over queries.

What is missed is missed for good: by the lists that were not probed above all. Cost: N·M·nprobe/
lists codes, N·candidates distances and, for the recall, the exact search of its queries. Memory:
the index (code_bytes + 8 bytes a vector), one block of vectors, 40 bytes a candidate of at most
``PAIRS`` at a time. The result depends on the seed alone, not on threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.neighbors.distances import Metric, distance_keys
from imprint.neighbors.index_file import IvfPqOptions, prepared, read_index
from imprint.neighbors.merge import Ranked, first_by_key
from imprint.neighbors.nearest import Neighbors, as_neighbors, as_vectors, check_search
from imprint.neighbors.screening import Vectors
from imprint.neighbors.sources import VectorSource
from imprint.neighbors.streamed import rank_streamed
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import Estimate

PAIRS = 1 << 22
"""Candidates, of all queries, that are ranked at a time."""
ROUNDING = 1e-12
"""Share of a distance that two vectors may differ by which are equally far on paper."""


@dataclass(frozen=True)
class ApproximateNeighbors:
    """What an approximate search found, and how much of what there was.

    Attributes:
        neighbors: of every query.
        recall: share of the k nearest that was found, over queries that were searched exactly as
            well; vectors at the distance of the k-th, but for rounding, count as found.
        exact: queries that had fewer than k candidates and were searched exactly.
    """

    neighbors: Neighbors
    recall: Estimate
    exact: int


def nearest_approximate(
    queries: ArrayLike,
    base: VectorSource,
    index: Path,
    k: int,
    options: IvfPqOptions | None = None,
    metric: Metric = "l2",
    seed: int = 0,
    device: DeviceName = "auto",
) -> ApproximateNeighbors:
    """Return the k nearest base vectors of each query that an index leads to.

    Args:
        queries: ``[N, d]``.
        base: ``[M, d]``, the vectors of the index.
        index: folder of :func:`imprint.neighbors.index_file.write_index`.
        k: how many, in 1…M.
        options: of the search; the defaults when None.
        metric: that of the index.
        seed: of the queries whose recall is measured.
        device: where exact searches compute scores; the index is searched on the CPU.

    Raises:
        ImprintError: shapes do not fit, a vector is not finite, or the index is missing, damaged
            or of another base.
    """
    options = options or IvfPqOptions()
    rows = as_vectors(queries, "query")
    check_search(rows.shape, base.shape, k, metric)
    opened, card = read_index(index, base.shape, metric)
    opened.nprobe = min(options.nprobe, card.lists)
    count = min(max(options.candidates, k), card.vectors)
    indices = np.empty((len(rows), k), dtype=np.int64)
    keys = np.empty((len(rows), k))
    few: list[IntArray] = []
    tiles = _tiles(len(rows), count)
    searched = track(tiles, "search candidates", len(tiles), "tile") if len(tiles) > 1 else tiles
    for part in searched:
        ranked = rerank(rows[part], base, _candidates(opened, rows, part, count, metric), metric, k)
        indices[part], keys[part] = ranked.indices, ranked.keys
        few.append(part.start + np.flatnonzero(np.isinf(ranked.keys[:, -1])))
    short = np.concatenate(few) if few else np.zeros(0, dtype=np.int64)
    if len(short):
        again = rank_streamed(rows[short], base, k, metric, device)
        indices[short], keys[short] = again.indices, again.keys
    ranked = Ranked(indices, keys)
    recall = measure_recall(rows, base, ranked, metric, options.recall_queries, seed, device)
    return ApproximateNeighbors(as_neighbors(ranked, metric), recall, len(short))


def rerank(
    queries: Vectors, base: VectorSource, candidates: IntArray, metric: Metric, k: int
) -> Ranked:
    """Return the k nearest of each query's candidates, by exact distances.

    Args:
        queries: float32 ``[N, d]``.
        base: read once, the rows of candidates alone.
        candidates: int64 ``[N, c]``, c ≥ k; −1 where there is none, whose key is infinite.
        metric: of the distances.
        k: how many.
    """
    keys = np.full(candidates.shape, np.inf)
    query, place = np.nonzero(candidates >= 0)
    row = candidates[query, place]
    order = np.argsort(row, kind="stable")
    query, place, row = query[order], place[order], row[order]
    different, starts = np.unique(row, return_index=True)
    ends = np.append(starts, len(row))
    for part, vectors in base.gather(different):
        pairs = slice(int(ends[part.start]), int(ends[part.stop]))
        local = np.searchsorted(different[part], row[pairs])
        _fill_keys(keys, queries, query[pairs], place[pairs], vectors, local, metric)
    return first_by_key(keys, candidates, k)


def measure_recall(
    queries: Vectors,
    base: VectorSource,
    ranked: Ranked,
    metric: Metric,
    count: int,
    seed: int,
    device: DeviceName = "auto",
) -> Estimate:
    """Return the share of the k nearest that ``ranked`` holds, over queries drawn from a seed.

    A query is one example: its k neighbours are found or missed together, by the lists that are
    probed. The interval is a bootstrap over queries, widened where few of them decide
    (:func:`imprint.stats.bootstrap.mean_share`).

    Args:
        queries: float32 ``[N, d]``, the queries of ``ranked``.
        base: the vectors.
        ranked: the approximate neighbours, with exact keys.
        metric: of both.
        count: queries to search exactly, all of fewer.
        seed: of their choice, and of the bootstrap.
        device: where scores are computed.
    """
    random = generator(seed, "queries for the recall")
    chosen = np.sort(random.choice(len(queries), min(count, len(queries)), replace=False))
    k = ranked.keys.shape[1]
    exact = rank_streamed(
        queries[chosen], base, k, metric, device, what="measure the recall of the search"
    )
    shares = recall_shares(ranked.keys[chosen], exact.keys)
    return mean_share(shares, generator(seed, "bootstrap of the recall"))


def recall_shares(keys: FloatArray, exact: FloatArray) -> FloatArray:
    """Return the share of each query's nearest that was found, float64 ``[N]``.

    Of vectors that are as far as the k-th, but for :data:`ROUNDING`, any counts.

    >>> recall_shares(np.array([[1.0, 2.0, 5.0]]), np.array([[1.0, 2.0, 3.0]])).round(3).tolist()
    [0.667]

    Args:
        keys: float64 ``[N, k]``, of different rows that were found.
        exact: float64 ``[N, k]``, rising, of the nearest there are.
    """
    return np.asarray((keys <= exact[:, -1:] * (1 + ROUNDING)).mean(axis=1))


def _tiles(queries: int, count: int) -> list[slice]:
    size = max(1, PAIRS // count)
    return [slice(start, min(start + size, queries)) for start in range(0, queries, size)]


def _candidates(index: Any, queries: Vectors, part: slice, count: int, metric: Metric) -> IntArray:
    """Return the rows that the index proposes to one tile of queries, int64 ``[q, count]``."""
    _, rows = index.search(prepared(queries[part], metric, "query", part.start), count)
    return np.asarray(rows, dtype=np.int64)


def _fill_keys(
    keys: FloatArray,
    queries: Vectors,
    query: IntArray,
    place: IntArray,
    vectors: Vectors,
    local: IntArray,
    metric: Metric,
) -> None:
    """Write the keys of some pairs of a query and one of the vectors, ``local`` among them."""
    order = np.argsort(query, kind="stable")
    different, starts = np.unique(query[order], return_index=True)
    for each, rows in zip(different, np.split(order, starts[1:]), strict=True):
        near = vectors[local[rows]]
        keys[each, place[rows]] = distance_keys(queries[each], near, metric == "cosine")
