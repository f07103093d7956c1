"""Pairs of bit strings that differ in few bits, found in tiles of matrix products.

Bits are held as ±1, so that a product of two strings is the number of bits that agree minus the
number that differ: whole numbers, exact in float32 up to 2²⁴ bits. Cost: 2·N·M·b operations;
memory one tile of scores and k results a query.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError

QUERY_TILE = 1024
BASE_TILE = 8192


@dataclass(frozen=True)
class HammingPairs:
    """Pairs of a query and a base string, by query, nearest first.

    Attributes:
        queries: int64 ``[p]``, rows of the queries.
        base: int64 ``[p]``, rows of the base.
        distances: int64 ``[p]``, bits that differ.
    """

    queries: IntArray
    base: IntArray
    distances: IntArray


def hamming_pairs(
    queries: BoolArray, base: BoolArray, radius: int, k: int, device: DeviceName = "auto"
) -> HammingPairs:
    """Return for each query the nearest base strings that differ in at most ``radius`` bits.

    Args:
        queries: bool ``[N, b]``.
        base: bool ``[M, b]``.
        radius: bits that may differ, 0 or more.
        k: pairs of one query at most; of equally near ones those of the first rows.
        device: where products are computed.

    Raises:
        ImprintError: strings of different lengths.

    Examples:
        >>> strings = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]], dtype=bool)
        >>> pairs = hamming_pairs(strings, strings, radius=1, k=2)
        >>> pairs.queries.tolist(), pairs.base.tolist(), pairs.distances.tolist()
        ([0, 0, 1, 1, 2], [0, 1, 1, 0, 2], [0, 1, 0, 1, 0])
    """
    if queries.ndim != 2 or base.ndim != 2 or queries.shape[1] != base.shape[1]:
        raise ImprintError(
            f"bit strings of shapes {list(queries.shape)} and {list(base.shape)} cannot be "
            "compared: give rows of equal length"
        )
    place = choose_device(device)
    tiles = [
        _of_tile(queries[start : start + QUERY_TILE], start, base, radius, k, place)
        for start in range(0, len(queries), QUERY_TILE)
    ]
    columns = np.concatenate([*tiles, np.empty((0, 3), dtype=np.int64)])
    return HammingPairs(columns[:, 0], columns[:, 2], columns[:, 1])


def _of_tile(
    queries: BoolArray, first: int, base: BoolArray, radius: int, k: int, device: torch.device
) -> IntArray:
    """Return query, distance and base row of the pairs of one tile, int64 ``[p, 3]``."""
    bits, rows = queries.shape[1], _signs(queries, device)
    kept = np.empty((0, 3), dtype=np.int64)
    for start in range(0, len(base), BASE_TILE):
        scores = rows @ _signs(base[start : start + BASE_TILE], device).T
        query, column = torch.nonzero(scores >= bits - 2 * radius, as_tuple=True)
        distances = (bits - scores[query, column]) / 2
        near = np.stack(
            [each.cpu().numpy().astype(np.int64) for each in (query, distances, column)], axis=1
        )
        near += (first, 0, start)
        kept = _nearest(np.concatenate([kept, near]), k)
    return kept


def _nearest(pairs: IntArray, k: int) -> IntArray:
    """Return the k nearest pairs of each query, by query, distance and base row."""
    ordered = pairs[np.lexsort((pairs[:, 2], pairs[:, 1], pairs[:, 0]))]
    _, starts, counts = np.unique(ordered[:, 0], return_index=True, return_counts=True)
    return ordered[np.arange(len(ordered)) - np.repeat(starts, counts) < k]


def _signs(bits: NDArray[np.bool_], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.where(bits, np.float32(1), np.float32(-1))).to(device)
