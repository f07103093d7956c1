"""Exact nearest neighbours by tasks, each in a shard of the base.

What a shard's nearest are ordered by is computed in float64 and is the same in every shard
(:mod:`imprint.neighbors.merge`), so the result has the bytes of one search, whatever the shards.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.launch.launcher import run_tasks
from imprint.launch.shards import name_of, shards_of
from imprint.neighbors.distances import Metric
from imprint.neighbors.merge import Ranked, merge_shards
from imprint.neighbors.nearest import Neighbors, as_neighbors, as_vectors, check_search
from imprint.neighbors.screening import Vectors
from imprint.neighbors.sources import VectorSource, block_rows
from imprint.neighbors.streamed import rank_streamed
from imprint.reading.array_files import read_npy
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_arrays, hash_json
from imprint.study.step import Step, card_of
from imprint.study.store import Study

ROWS = 256
"""Shards of a base have a multiple of so many rows, but for the last."""
INDICES, KEYS = "indices.npy", "keys.npy"


@dataclass(frozen=True)
class ShardOf:
    """Some rows of a base, numbered from 0 on.

    Attributes:
        base: the whole.
        start: first row.
        stop: last row, exclusive.
    """

    base: VectorSource
    start: int
    stop: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows of the shard and d."""
        return self.stop - self.start, self.base.shape[1]

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield blocks of the shard; of the rest of the base no more is read than need be."""
        for part, vectors in self.gather(np.arange(self.shape[0])):
            yield part.start, vectors

    def gather(self, rows: IntArray) -> Iterator[tuple[slice, Vectors]]:
        """Yield chosen vectors in parts."""
        return self.base.gather(rows + self.start)


@dataclass(frozen=True)
class RankShard(Step):
    """The nearest rows of a shard: ``indices.npy`` and ``keys.npy`` of :class:`Ranked`.

    Attributes:
        queries: float32 ``[N, d]``.
        content: hash of the base.
        k: how many, all of fewer.
        metric: as of :func:`imprint.neighbors.nearest.nearest`.
        shard: the rows of the base.
        device: where scores are computed.
    """

    queries: NDArray[Any]
    content: str
    k: int
    metric: Metric
    shard: ShardOf = uncounted()
    device: DeviceName = uncounted(default="auto")

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return name_of(slice(self.shard.start, self.shard.stop))

    def build(self, path: Path) -> None:
        """Search."""
        path.mkdir()
        shard = self.shard
        ranked = rank_streamed(
            self.queries, shard, self.k, self.metric, self.device, first_row=shard.start
        )
        for name, values in ((INDICES, ranked.indices), (KEYS, ranked.keys)):
            with (path / name).open("wb") as file:
                np.save(file, values, allow_pickle=False)


def nearest_in_tasks(
    queries: NDArray[np.float32],
    base: VectorSource,
    content: str,
    k: int,
    metric: Metric,
    device: DeviceName,
    study: Path,
    what: str,
) -> Neighbors:
    """Return what :func:`imprint.neighbors.nearest.nearest` returns, by tasks of the launcher.

    A search that was killed goes on with the shards that are missing.

    Args:
        queries: ``[N, d]``, in memory.
        base: ``[M, d]``, in files.
        content: hash of the base.
        k: how many, in 1…M.
        metric: as of ``nearest``, like device.
        device: where scores are computed.
        study: gets the parts, which are removed in the end, and the ledger of the tasks.
        what: a few words for the progress bar.

    Raises:
        ImprintError: as ``nearest``, or a task failed.
    """
    rows = as_vectors(queries, "query")
    check_search(rows.shape, base.shape, k, metric)
    shards = [ShardOf(base, each.start, each.stop) for each in shards_of(base.shape[0], ROWS)]
    steps = [RankShard(rows, content, k, metric, shard, device) for shard in shards]
    key = hash_json([hash_arrays(rows), content, k, metric])[:12]
    store = Study(study / f".neighbours.{key}.part")
    missing = [step for step in steps if not store.is_done(step.artefact, card_of(step))]
    if missing:
        run_tasks(
            _rank,
            [(store.root, rows, content, k, metric, step.shard, device) for step in missing],
            what,
            sum(-(-step.shard.shape[0] // block_rows(base.shape[1])) for step in missing),
            unit="block",
            study=study,
            keys=[f"neighbours {key}/{step.artefact}" for step in missing],
        )
    parts = [store.path(step.artefact) for step in steps]
    ranked = [Ranked(read_npy(part / INDICES), read_npy(part / KEYS)) for part in parts]
    merged = merge_shards(ranked, k)
    remove_searches(study)
    return as_neighbors(merged, metric)


def remove_searches(study: Path) -> None:
    """Remove what killed searches left in a study."""
    for unfinished in study.glob(".neighbours.*.part"):
        shutil.rmtree(unfinished)


def _rank(
    root: Path,
    queries: NDArray[np.float32],
    content: str,
    k: int,
    metric: Metric,
    shard: ShardOf,
    device: DeviceName,
) -> None:
    """Search a shard; the queries are an argument of its own, which is sent once to all tasks."""
    Study(root).run(RankShard(queries, content, k, metric, shard, device))
