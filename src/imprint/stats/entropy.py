"""How spread a count over classes is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError


def entropy(counts: ArrayLike) -> FloatArray:
    """Return the Shannon entropy −Σ p ln p of each row of counts, in nats.

    Rows that are permutations of one another have the same entropy bit for bit: terms are summed
    in the order of their size.

    >>> entropy([[4, 0], [2, 2]]).round(4).tolist()
    [0.0, 0.6931]

    Args:
        counts: ``[..., C]``, not negative; need not be whole numbers.

    Returns:
        float64 ``[...]`` in [0, ln C].

    Raises:
        ImprintError: a count is negative or not finite, or a row is all zero.
    """
    array = np.sort(np.asarray(counts, dtype=np.float64), axis=-1)
    if not (np.isfinite(array).all() and (array >= 0).all()):
        raise ImprintError("entropy: counts must be finite and not negative")
    totals = array.sum(axis=-1, keepdims=True)
    if not (totals > 0).all():
        raise ImprintError("entropy: a row of counts is all zero, so it has no distribution")
    shares = array / totals
    logarithms = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    # Adding 0 turns −0 into 0.
    return np.asarray(-(shares * logarithms).sum(axis=-1) + 0.0)
