"""Where a search for queries starts: noise, or records. Each start depends on its record alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator

Starts = Callable[[int], Tensor]
"""From the number of an attempt, 0 first, to queries ``[b, q, ...]``."""


def noise_starts(
    lower: Tensor, upper: Tensor, names: Sequence[int], queries: int = 1, seed: int = 0
) -> Starts:
    """Return uniform noise between two bounds, as broad as pixels are.

    Args:
        lower: of a query, float64 ``[...]`` in its full shape.
        upper: likewise.
        names: what each search is for, such as the row of its record: equal names, equal noise.
        queries: q, how many are asked together.
        seed: of the study.
    """

    def start(attempt: int) -> Tensor:
        size = (queries, *lower.shape)
        drawn = [generator(seed, "query start", name, attempt).uniform(size=size) for name in names]
        share = torch.from_numpy(np.stack(drawn)).to(lower)
        return lower + share * (upper - lower)

    return start


def record_starts(
    records: Tensor, allowed: Sequence[Tensor], names: Sequence[int], queries: int, seed: int = 0
) -> Starts:
    """Return other records, drawn without replacement within a search.

    Args:
        records: all inputs, ``[n, ...]``.
        allowed: for each search the rows to draw from, int64; leave the removed records out.
        names: as of :func:`noise_starts`.
        queries: q.
        seed: of the study.

    Raises:
        ImprintError: fewer rows than queries.
    """
    if min(map(len, allowed), default=queries) < queries:
        raise ImprintError(
            f"{queries} queries cannot start from fewer records: allow more, or start from noise"
        )

    def start(attempt: int) -> Tensor:
        drawn = [
            rows[generator(seed, "query start", name, attempt).permutation(len(rows))[:queries]]
            for rows, name in zip(allowed, names, strict=True)
        ]
        return records[torch.stack(drawn)].double()

    return start
