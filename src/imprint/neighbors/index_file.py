"""An inverted file with product quantisation (IVF-PQ) of vectors on disk, and the file it is in.

Vectors are assigned to the nearest of ``lists`` centroids; of each, the residual is kept as
``code_bytes`` codes (Jégou, Douze, Schmid 2011; faiss). It is trained on vectors drawn from a seed
and filled block by block: memory is the training vectors, one block, and code_bytes + 8 bytes a
vector. faiss gives the same bytes at any number of threads (1.15, tested with 1 and 2).

A folder holds ``index.faiss`` and ``index.json`` with its SHA-256. faiss trusts what it reads, so
it reads nothing but a file with that hash whose counts agree with the card throughout
(:mod:`imprint.neighbors.index_layout`).
"""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import derive, generator
from imprint.neighbors.distances import Metric
from imprint.neighbors.index_layout import Layout, has_layout
from imprint.neighbors.ivfpq_options import IvfPqOptions as IvfPqOptions
from imprint.neighbors.nearest import checked_norms
from imprint.neighbors.screening import Vectors, divisors
from imprint.neighbors.sources import VectorSource, block_rows
from imprint.reading.regular import UnreadableFile, check_regular
from imprint.study.hashing import hash_file
from imprint.study.json_io import read_json

MIN_VECTORS = 2
TRAINING_PER_LIST = 40
"""Vectors a list that centroids are trained on; faiss advises 39 or more."""
MAX_CODE_BITS = 8
INDEX, CARD = "index.faiss", "index.json"


@dataclass(frozen=True)
class IndexCard:
    """What an index holds.

    Attributes:
        vectors: M.
        dimensions: d.
        metric: that it was built for.
        lists: centroids.
        code_bytes: sub-vectors of each code.
        code_bits: bits of each.
        trained_on: vectors.
        sha256: of ``index.faiss``.
    """

    vectors: int
    dimensions: int
    metric: str
    lists: int
    code_bytes: int
    code_bits: int
    trained_on: int
    sha256: str


def write_index(
    folder: Path, base: VectorSource, options: IvfPqOptions, metric: Metric = "l2", seed: int = 0
) -> IndexCard:
    """Build an index and write it, whole or not at all.

    Args:
        folder: where to.
        base: the vectors, read twice.
        options: lists and codes; the others count at search.
        metric: as of :func:`imprint.neighbors.nearest.nearest`.
        seed: of the training vectors and the centroids.

    Raises:
        ImprintError: faiss is missing, there is a single vector, or one that is not finite.
    """
    faiss = import_faiss()
    count, dimensions = base.shape
    if count < MIN_VECTORS:
        raise ImprintError(
            f"{count} vectors are too few for an approximate search, which takes {MIN_VECTORS} or "
            "more: search exactly"
        )
    lists = _lists(count, options)
    trained_on = min(count, max(TRAINING_PER_LIST * lists, TRAINING_PER_LIST << MAX_CODE_BITS))
    bits = max(1, min(MAX_CODE_BITS, int(math.log2(trained_on / TRAINING_PER_LIST))))
    codes = max(each for each in range(1, options.code_bytes + 1) if dimensions % each == 0)
    index = _empty_index(faiss, dimensions, lists, codes, bits, metric, seed)
    index.train(_training_vectors(base, trained_on, metric, seed))
    for start, block in _blocks(base, "fill the index"):
        index.add(prepared(block, metric, "base vector", start))
    with replacing(folder) as temporary:
        temporary.mkdir()
        faiss.write_index(index, str(temporary / INDEX))
        card = IndexCard(
            count,
            dimensions,
            metric,
            lists,
            codes,
            bits,
            trained_on,
            hash_file(temporary / INDEX),
        )
        (temporary / CARD).write_text(json.dumps(asdict(card), indent=2) + "\n")
    return card


def read_index(folder: Path, shape: tuple[int, int], metric: Metric) -> tuple[Any, IndexCard]:
    """Return an index and its card.

    Args:
        folder: that :func:`write_index` wrote.
        shape: M and d of the vectors that it must be of.
        metric: likewise.

    Raises:
        ImprintError: there is none, it is damaged, or of other vectors or another metric.
    """
    faiss = import_faiss()
    try:
        check_regular(folder / INDEX)
        card = _card_of(read_json(folder / CARD))
    except FileNotFoundError:
        raise ImprintError(f"no index of neighbours at {folder}: run again") from None
    if card is None:
        raise UnreadableFile(f"{folder / CARD} is damaged: delete {folder} and run again")
    if hash_file(folder / INDEX) != card.sha256:
        raise UnreadableFile(f"{folder / INDEX} is damaged: delete {folder} and run again")
    if (card.vectors, card.dimensions, card.metric) != (*shape, metric):
        raise ImprintError(
            f"{folder} is an index of {card.vectors} vectors of {card.dimensions} dimensions by "
            f"{card.metric}, not of {shape[0]} of {shape[1]} by {metric}: delete it and run again"
        )
    if not has_layout(folder / INDEX, _layout(card)):
        raise UnreadableFile(
            f"{folder / INDEX} is not the index that its card describes: delete {folder} and run "
            "again"
        )
    return faiss.read_index(str(folder / INDEX)), card


def _card_of(content: Any) -> IndexCard | None:
    """Return the card that a file holds; None where its values cannot be those of an index."""
    kinds = get_type_hints(IndexCard)
    if not isinstance(content, dict) or content.keys() != kinds.keys():
        return None
    if any(type(content[name]) is not kind for name, kind in kinds.items()):
        return None
    card = IndexCard(**content)
    is_possible = (
        1 <= card.lists <= card.vectors
        and 1 <= card.code_bytes <= card.dimensions
        and card.dimensions % card.code_bytes == 0
        and 1 <= card.code_bits <= MAX_CODE_BITS
    )
    return card if is_possible else None


def _layout(card: IndexCard) -> Layout:
    is_cosine = card.metric == "cosine"
    return Layout(
        card.vectors, card.dimensions, is_cosine, card.lists, card.code_bytes, card.code_bits
    )


def import_faiss() -> Any:
    """Return the module faiss.

    Raises:
        ImprintError: it is not installed.
    """
    if importlib.util.find_spec("faiss") is None:
        raise ImprintError(
            "approximate search needs faiss: pip install 'imprint[knn]', or search exactly"
        )
    import faiss

    return faiss


def prepared(vectors: Vectors, metric: Metric, what: str, first: int = 0) -> Vectors:
    """Return vectors as the index takes them, of length 1 under cosine; zero stays zero.

    Raises:
        ImprintError: one is not finite; named by its row, ``first`` that of row 0.
    """
    norms = checked_norms(vectors, np.float32, what, first)
    if metric == "l2":
        return vectors
    return (vectors / divisors(norms)[:, None]).astype(np.float32)


def _lists(count: int, options: IvfPqOptions) -> int:
    wanted = options.lists or 1 << math.ceil(math.log2(count) / 2)
    return max(1, min(wanted, count // TRAINING_PER_LIST))


def _empty_index(
    faiss: Any, dimensions: int, lists: int, codes: int, bits: int, metric: Metric, seed: int
) -> Any:
    kind = faiss.METRIC_INNER_PRODUCT if metric == "cosine" else faiss.METRIC_L2
    flat = faiss.IndexFlatIP if metric == "cosine" else faiss.IndexFlatL2
    index = faiss.IndexIVFPQ(flat(dimensions), dimensions, lists, codes, bits, kind)
    for clustering, purpose in ((index.cp, "centroids"), (index.pq.cp, "codes")):
        clustering.seed = derive(seed, f"index {purpose}") % 2**31
        clustering.min_points_per_centroid = 1
    return index


def _training_vectors(base: VectorSource, count: int, metric: Metric, seed: int) -> Vectors:
    """Return vectors drawn from a seed, float32 ``[count, d]``, in the order of their rows."""
    random = generator(seed, "training vectors of the index")
    rows = np.sort(random.choice(base.shape[0], count, replace=False, shuffle=False))
    vectors = np.empty((count, base.shape[1]), dtype=np.float32)
    for part, block in base.gather(rows):
        vectors[part] = prepared(block, metric, "base vector", int(rows[part.start]))
    return vectors


def _blocks(base: VectorSource, what: str) -> Iterator[tuple[int, Vectors]]:
    total = -(-base.shape[0] // block_rows(base.shape[1]))
    return iter(track(base.blocks(), what, total, "block") if total > 1 else base.blocks())
