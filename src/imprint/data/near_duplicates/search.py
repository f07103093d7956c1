"""Search near-duplicates among images: propose candidates, then compare each pair closely.

Candidates are the nearest images by perceptual hash and by embedding, of every image as it is and
mirrored (:mod:`imprint.data.near_duplicates.low_frequencies`); which of them are near-duplicates is
decided by their aligned detail (:mod:`imprint.data.near_duplicates.alignment`).

One pass decodes every image once. Memory: 1 kB and 256 bytes a channel for each image. Time: two
searches of q queries among n images by each method, 2·q·n·63 and 2·q·n·64·channels operations, and
some 0.5 ms for each candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray, Pixels
from imprint.core.device import DeviceName
from imprint.core.progress import log, track
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.near_duplicates.alignment import (
    PAIRS_A_TILE,
    detail_correlations,
    mirrored_pixels,
)
from imprint.data.near_duplicates.low_frequencies import (
    SIDE,
    Coefficients,
    embeddings,
    light_of,
    low_frequencies,
    mirrored,
    perceptual_hashes,
)
from imprint.data.near_duplicates.method import FREQUENCIES
from imprint.data.near_duplicates.search_options import DuplicateSearch
from imprint.data.view import View
from imprint.neighbors.hamming import hamming_pairs
from imprint.neighbors.nearest import nearest

BATCH = 1024


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of images that are near-duplicates, each once, by first and second image.

    Attributes:
        first: int64 ``[p]``, image; the lesser index of the two.
        second: int64 ``[p]``.
        mirrored: bool ``[p]``, whether one is the mirror image of the other.
        by_hash: bool ``[p]``, whether their hashes proposed them.
        by_embedding: bool ``[p]``, whether their embeddings did.
        correlation: float64 ``[p]``, of their aligned detail.
    """

    first: IntArray
    second: IntArray
    mirrored: BoolArray
    by_hash: BoolArray
    by_embedding: BoolArray
    correlation: FloatArray

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class _Looks:
    """What is kept of each image: its light and its low frequencies, in the order of the index."""

    light: Pixels
    coefficients: Coefficients


def find_near_duplicates(
    images: ImageSet,
    queries: IntArray,
    others: IntArray,
    search: DuplicateSearch,
    device: DeviceName = "auto",
) -> NearDuplicates:
    """Return near-duplicates of some images among these and others.

    Args:
        images: any set.
        queries: int64, images whose near-duplicates are searched.
        others: int64, further images among which they are searched.
        search: how.
        device: where candidates are searched.

    Raises:
        ImprintError: an image cannot be decoded.
    """
    index = np.unique(np.concatenate([queries, others]))
    rows = np.searchsorted(index, np.unique(queries))
    looks = _look_at(images, index)
    pairs = [
        _candidates(looks, rows, search, method, mirror, device)
        for method in search.methods
        for mirror in (False, True)
    ]
    candidates, methods = _merged(np.concatenate(pairs))
    correlation = _compare(looks, candidates)
    kept = correlation >= search.correlation
    pairs_kept, by_method = candidates[kept], methods[kept]
    # A symmetric image is proposed as it is and mirrored: the better of both stays.
    order = np.lexsort((-correlation[kept], pairs_kept[:, 1], pairs_kept[:, 0]))
    _, best, same = np.unique(
        pairs_kept[order][:, :2], axis=0, return_index=True, return_inverse=True
    )
    either = np.zeros((len(best), 2), dtype=bool)
    np.logical_or.at(either, same.ravel(), by_method[order])
    chosen = order[best]
    return NearDuplicates(
        index[pairs_kept[chosen, 0]],
        index[pairs_kept[chosen, 1]],
        pairs_kept[chosen, 2].astype(bool),
        either[:, 0],
        either[:, 1],
        correlation[kept][chosen],
    )


def _look_at(images: ImageSet, index: IntArray) -> _Looks:
    view = View(images, index, rectangles=whole_rectangles(images.sizes()[index]))
    light = np.empty((len(index), SIDE, SIDE), dtype=np.uint8)
    shape = (len(index), images.channels, FREQUENCIES, FREQUENCIES)
    coefficients = np.empty(shape, dtype=np.float32)
    for rows, pixels in view.batches(SIDE, BATCH, "look for near-duplicates"):
        light[rows], coefficients[rows] = light_of(pixels), low_frequencies(pixels)
    return _Looks(light, coefficients)


def _candidates(
    looks: _Looks,
    rows: IntArray,
    search: DuplicateSearch,
    method: str,
    mirror: bool,
    device: DeviceName,
) -> IntArray:
    """Return first and second row, whether mirrored, and the method, int64 ``[p, 4]``."""
    log(f"near-duplicates: search by {method}{', mirrored' if mirror else ''}")
    own = looks.coefficients[rows]
    asked = mirrored(own) if mirror else own
    k = min(search.neighbours + 1, len(looks.coefficients))  # each is nearest to itself
    if method == "hash":
        hashes = perceptual_hashes(asked), perceptual_hashes(looks.coefficients)
        pairs = hamming_pairs(*hashes, search.hash_distance, k, device)
        first, second = rows[pairs.queries], pairs.base
    else:
        neighbours = nearest(embeddings(asked), embeddings(looks.coefficients), k, "cosine", device)
        query, place = np.nonzero(neighbours.distances <= 1 - search.similarity)
        first, second = rows[query], neighbours.indices[query, place]
    other = first != second
    ends = np.stack([first[other], second[other]], axis=1)
    marks = np.full((len(ends), 2), (int(mirror), int(method == "embedding")))
    return np.concatenate([np.sort(ends, axis=1), marks], axis=1)


def _merged(candidates: IntArray) -> tuple[IntArray, BoolArray]:
    """Return each pair once, as it is or mirrored, and which methods proposed it ``[p, 2]``."""
    pairs, same = np.unique(candidates[:, :3], axis=0, return_inverse=True)
    methods = np.zeros((len(pairs), 2), dtype=bool)
    methods[same.ravel(), candidates[:, 3]] = True
    return pairs, methods


def _compare(looks: _Looks, pairs: IntArray) -> FloatArray:
    correlation = np.empty(len(pairs))
    starts = range(0, len(pairs), PAIRS_A_TILE)
    for start in track(starts, "compare candidates", len(starts), f"{PAIRS_A_TILE} pairs"):
        part = pairs[start : start + PAIRS_A_TILE]
        first, second = looks.light[part[:, 0]], looks.light[part[:, 1]]
        is_mirrored: NDArray[np.bool_] = part[:, 2].astype(bool)
        first[is_mirrored] = mirrored_pixels(first[is_mirrored])
        correlation[start : start + PAIRS_A_TILE] = detail_correlations(first, second)
    return correlation
