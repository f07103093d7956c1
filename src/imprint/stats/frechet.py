"""Fréchet distance of two sets of vectors as if each were normally distributed.

‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½) (Dowson and Landau 1982); of features of images it is the
FID (Heusel et al. 2017). With A and B the centred vectors over √(n − 1), Σ₁ = AᵀA and Σ₂ = BᵀB, the
last trace is the sum of the singular values of ABᵀ: no root of a matrix is taken, and fewer vectors
than dimensions will do. Of more vectors than dimensions A and B are the triangles of their QR
decompositions, which have the same products, so no more than d × d singular values are taken.
Cost: 2(n + m)·d² operations, and some 10·min(n, m, d)³.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Return the distance, in squared units of the vectors; 0 of sets of equal moments.

    The distance of two samples of one distribution is above 0, the more so the fewer there are.

    >>> frechet_distance([[0.0], [2.0]], [[1.0], [3.0]])
    1.0

    Args:
        a: ``[n, d]``.
        b: ``[m, d]``.

    Raises:
        ImprintError: fewer than two vectors, other dimensions, or a value that is not finite.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ImprintError(
            f"a Fréchet distance is of vectors [n, d] and [m, d], got {list(first.shape)} and "
            f"{list(second.shape)}"
        )
    if min(len(first), len(second)) < 2:
        raise ImprintError("a Fréchet distance needs at least two vectors on either side")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ImprintError(
            "a Fréchet distance needs finite vectors: check the network that made them"
        )
    left, right = _centred(first), _centred(second)
    common = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    means = ((first.mean(0) - second.mean(0)) ** 2).sum()
    return max(float(means + (left**2).sum() + (right**2).sum() - 2 * common), 0.0)


def _centred(vectors: FloatArray) -> FloatArray:
    """Return at most d vectors, ``[min(n, d), d]``, whose products are the covariance."""
    centred = np.asarray((vectors - vectors.mean(0)) / np.sqrt(len(vectors) - 1))
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))
