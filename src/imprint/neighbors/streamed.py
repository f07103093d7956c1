"""Exact nearest neighbours in a base that is read block by block: the bytes of one search.

Each block is searched like a base of its own (:func:`imprint.neighbors.nearest.rank`) and merged
with what was nearest so far (:mod:`imprint.neighbors.merge`).

Memory: one block of vectors (``BLOCK_BYTES``) with its scores, and 48·N·k bytes of results,
whatever M is. Cost: as of one search, and the k candidates of every block in float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.device import DeviceName
from imprint.core.progress import track
from imprint.neighbors.distances import Metric
from imprint.neighbors.merge import Ranked, merge_shards
from imprint.neighbors.nearest import (
    Backend,
    Neighbors,
    as_neighbors,
    as_vectors,
    check_search,
    rank,
)
from imprint.neighbors.sources import VectorSource, block_rows


def nearest_streamed(
    queries: ArrayLike,
    base: VectorSource,
    k: int,
    metric: Metric = "l2",
    device: DeviceName = "auto",
    backend: Backend = "auto",
) -> Neighbors:
    """Return what :func:`imprint.neighbors.nearest.nearest` returns, from a base on disk.

    Args:
        queries: ``[N, d]``, in memory.
        base: ``[M, d]``.
        k: how many, in 1…M.
        metric: as of ``nearest``, like device and backend.
        device: where scores are computed.
        backend: what computes them.

    Raises:
        ImprintError: as ``nearest``, or the base cannot be read.
    """
    rows = as_vectors(queries, "query")
    check_search(rows.shape, base.shape, k, metric)
    return as_neighbors(rank_streamed(rows, base, k, metric, device, backend), metric)


def rank_streamed(
    queries: np.ndarray,
    base: VectorSource,
    k: int,
    metric: Metric = "l2",
    device: DeviceName = "auto",
    backend: Backend = "auto",
    first_row: int = 0,
    what: str = "search neighbours",
) -> Ranked:
    """Return the k nearest rows of a shard, all of fewer, with keys to merge by.

    Args:
        queries: float32 ``[N, d]``.
        base: the shard.
        k: how many.
        metric: as of :func:`nearest_streamed`, like device and backend.
        device: where scores are computed.
        backend: what computes them.
        first_row: row of the whole base with which the shard begins.
        what: a few words for the progress bar.

    Raises:
        ImprintError: as :func:`nearest_streamed`.
    """
    best: list[Ranked] = []
    total = -(-base.shape[0] // block_rows(base.shape[1]))
    blocks = base.blocks()
    for start, block in track(blocks, what, total, "block") if total > 1 else blocks:
        near = min(k, len(block))
        best.append(
            rank(queries, block, near, metric, device, backend, first_row=first_row + start)
        )
        best = [merge_shards(best, min(k, sum(each.indices.shape[1] for each in best)))]
    return best[0]
