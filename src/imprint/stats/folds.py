"""Balanced halves and folds: which model trains on, or is tested on, which example."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, uniforms


def half_splits(n: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Return which of ``n`` images each of ``count`` models trains on: half the models an image.

    Every image is in exactly ``count // 2`` of the sets, drawn independently for each image; so
    a set holds about half of the images, and an image's draw does not depend on ``n``.

    Returns:
        bool ``[count, n]``.

    Raises:
        ImprintError: fewer than two models.
    """
    if count < 2:
        raise ImprintError(f"half splits need at least 2 models, got {count}")
    order = np.argsort(uniforms(derive(seed, "half splits"), np.arange(n), count), axis=1)
    member = np.zeros((n, count), dtype=bool)
    np.put_along_axis(member, order[:, : count // 2], values=True, axis=1)
    return np.ascontiguousarray(member.T)


def k_fold(n: int, k: int, seed: int, labels: IntArray | None = None) -> IntArray:
    """Return the fold of each of ``n`` examples, int64 ``[n]`` in [0, k).

    Fold sizes differ by at most one; with labels, so do the numbers of each class in the folds.

    Raises:
        ImprintError: k is not in [2, n], or there are not ``n`` labels.
    """
    if not 2 <= k <= n:
        raise ImprintError(f"cannot make {k} folds of {n} examples: choose 2 to {n}")
    strata = np.zeros(n, dtype=np.int64) if labels is None else np.asarray(labels)
    if strata.shape != (n,):
        raise ImprintError(f"{n} examples need as many labels, got shape {list(strata.shape)}")
    draws = uniforms(derive(seed, "folds"), np.arange(n), 1)[:, 0]
    folds = np.empty(n, dtype=np.int64)
    folds[np.lexsort((draws, strata))] = np.arange(n) % k
    return folds
