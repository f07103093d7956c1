"""Neighbours of crops among the public images of a table, which is never whole in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.core.seeds import derive
from imprint.launch.shards import are_cut
from imprint.lenses.dejavu.memorization.attack import Metric
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.search_findings import SearchFindings
from imprint.neighbors.approximate import nearest_approximate
from imprint.neighbors.in_tasks import nearest_in_tasks, remove_searches
from imprint.neighbors.index_file import IvfPqOptions, write_index
from imprint.neighbors.sources import TableSource
from imprint.neighbors.streamed import nearest_streamed
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_file
from imprint.study.step import Step
from imprint.study.store import Study

OTHER_METRIC: Mapping[Metric, Metric] = {"l2": "cosine", "cosine": "l2"}


@dataclass(frozen=True)
class TableSearch:
    """A search among the vectors of a column.

    Attributes:
        table: of public images.
        layer: the column.
        k: neighbours of each crop.
        metric: distance.
        device: where scores are computed.
    """

    table: Path
    layer: str
    k: int
    metric: Metric
    device: DeviceName

    def exact(self, crops: NDArray[np.float32]) -> IntArray:
        """Return the rows of the k nearest public images of crops ``[n, d]``, int64 ``[n, k]``.

        Where passes are cut into tasks (:mod:`imprint.launch.shards`), each searches a shard of the
        table; the rows are the same.

        Raises:
            ImprintError: shapes do not fit, k exceeds the table, or a vector is not finite.
        """
        source = TableSource(self.table, self.layer)
        if not are_cut():
            remove_searches(study_of(self.table))
            return nearest_streamed(crops, source, self.k, self.metric, self.device).indices
        neighbours = nearest_in_tasks(
            crops,
            source,
            hash_file(self.table),
            self.k,
            self.metric,
            self.device,
            study_of(self.table),
            f"neighbours under {self.table.name.partition('.')[0]}",
        )
        return neighbours.indices

    def approximate(
        self, crops: NDArray[np.float32], index: Path, options: IvfPqOptions
    ) -> tuple[IntArray, Estimate]:
        """Return the rows of neighbours that an index leads to, and their recall.

        Raises:
            ImprintError: as :meth:`exact`, or the index is missing or damaged.
        """
        source = TableSource(self.table, self.layer)
        result = nearest_approximate(
            crops, source, index, self.k, options, self.metric, device=self.device
        )
        return result.neighbors.indices, result.recall


def study_of(table: Path) -> Path:
    """Return the study in whose ``tables`` a table is; the table's folder where it is in none."""
    studies = (folder.parent for folder in table.parents if folder.name == "tables")
    return next(studies, table.parent)


@dataclass(frozen=True)
class IndexedTable:
    """An index of the embeddings of one network.

    Attributes:
        table: its name without the suffix, relative to the folder of embeddings.
        layer: the column.
        metric: distance.
        lists: as options say.
        code_bytes: likewise.
    """

    table: str
    layer: str
    metric: Metric
    lists: int
    code_bytes: int

    @classmethod
    def of(cls, table: str, choice: AttackChoice) -> IndexedTable:
        """Return the index of a table that a choice searches; its layer is settled."""
        options = choice.ivfpq
        return cls(table, choice.layer, choice.metric, options.lists, options.code_bytes)

    @property
    def name(self) -> str:
        """Of the folder that holds it."""
        return f"{self.table}.{self.layer}.{self.metric}.{self.lists}x{self.code_bytes}"


@dataclass(frozen=True)
class IndexEmbeddings(Step):
    """Build the indexes of an approximate search, a folder each; a killed build goes on.

    Attributes:
        tables: what is indexed, and how.
        seed: of training vectors and centroids.
        embeddings: folder of the tables.
    """

    tables: tuple[IndexedTable, ...]
    seed: int
    embeddings: Path = uncounted()
    artefact: str = uncounted(default="tables/search")  # type: ignore[misc]  # varies
    inputs: tuple[str, ...] = uncounted(default=("tables/embeddings",))  # type: ignore[misc]

    resumable = True

    def build(self, path: Path) -> None:
        """Write the indexes that are missing."""
        path.mkdir(exist_ok=True)
        for each in self.tables:
            options = IvfPqOptions(lists=each.lists, code_bytes=each.code_bytes)
            if not (path / each.name).exists():
                source = TableSource(self.embeddings / f"{each.table}.parquet", each.layer)
                write_index(path / each.name, source, options, each.metric, self.seed)


def index_embeddings(
    study: Study,
    embeddings: Path,
    choices: Sequence[tuple[AttackChoice, str, str]],
    seed: int,
    other_metric_of: Sequence[str] = (),
    artefact: str = "tables/search",
    embedded: str = "tables/embeddings",
) -> Path | None:
    """Build the indexes that attacks search, unless they are there; None where none does.

    Args:
        study: where they go.
        embeddings: folder of the tables of embeddings.
        choices: how guesses are made, by which folder in it, empty for itself, and of which view.
        seed: of the study.
        other_metric_of: models that are searched by the other distance as well.
        artefact: name of the indexes.
        embedded: name of the embeddings.

    Raises:
        ImprintError: faiss is missing, or embeddings are not finite.
    """
    wanted = [each for each in choices if each[0].search == "ivfpq"]
    if not wanted:
        return None
    tables: list[IndexedTable] = []
    for choice, folder, view in wanted:
        for file in sorted((embeddings / folder).glob(f"*.{view}.parquet")):
            table = file.relative_to(embeddings).with_suffix("").as_posix()
            tables.append(IndexedTable.of(table, choice))
            if file.name.removesuffix(f".{view}.parquet") in other_metric_of:
                other = replace(choice, metric=OTHER_METRIC[choice.metric])
                tables.append(IndexedTable.of(table, other))
    each_once = tuple(dict.fromkeys(tables))
    seed = derive(seed, "indexes")
    return study.run(IndexEmbeddings(each_once, seed, embeddings, artefact, (embedded,)))


def search_findings(
    choice: AttackChoice, recall: Mapping[str, Estimate | None]
) -> SearchFindings | None:
    """Return what is known of an approximate search by its recall of each model; else None."""
    known = {name: each for name, each in recall.items() if each is not None}
    if not known:
        return None
    options = choice.ivfpq
    return SearchFindings(choice.k, options.nprobe, max(options.candidates, choice.k), known)
