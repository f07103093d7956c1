"""Exact k-nearest neighbours in tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.errors import ImprintError

Metric = Literal["l2", "cosine"]


@dataclass(frozen=True)
class Neighbors:
    """The nearest rows of a base.

    Attributes:
        indices: int64 ``[N, k]``, rows of the base, nearest first.
        distances: float32 ``[N, k]``.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]


def nearest(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int, metric: Metric = "l2"
) -> Neighbors:
    """Return the k nearest rows of ``base`` for each query, ties by the lower row."""
    if not 1 <= k <= len(base):
        raise ImprintError(
            f"k = {k} neighbours of {len(base)} rows: choose k from 1 to {len(base)}"
        )
    left = torch.from_numpy(np.ascontiguousarray(queries, dtype=np.float64))
    right = torch.from_numpy(np.ascontiguousarray(base, dtype=np.float64))
    if metric == "cosine":
        left = torch.nn.functional.normalize(left)
        right = torch.nn.functional.normalize(right)
    indices, distances = [], []
    for tile in left.split(256):
        found = torch.cdist(tile, right) if metric == "l2" else 1 - tile @ right.T
        order = torch.argsort(found, dim=1, stable=True)[:, :k]
        indices.append(order)
        distances.append(found.gather(1, order).float())
    return Neighbors(torch.cat(indices).numpy(), torch.cat(distances).numpy())
