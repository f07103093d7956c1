"""Whether paired differences lie about zero, by exchanging the two of each pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.stats.checks import sample

FLIPS = 99_999
"""So many that claims about hundreds of differences can be made together."""
MAX_EXACT = 13
"""Pairs up to which every exchange is tried."""
ROUNDING = 1e-12
CHUNK_SIGNS = 1 << 24
"""Signs held at a time, 128 MiB. The generator makes four a word: chunks are of whole words."""


def paired_permutation(differences: ArrayLike, random: np.random.Generator) -> float:
    """Return the two-sided p-value of the mean of paired differences.

    Under the null hypothesis the two of each pair may be exchanged, which flips the sign of their
    difference: p is the share of all flips whose mean is at least as far from 0 (Fisher 1935); of
    more than ``MAX_EXACT`` pairs, of ``FLIPS`` random flips and the one that was seen.

    >>> paired_permutation([1.0, 2.0, 3.0], np.random.default_rng(0))
    0.25

    Args:
        differences: ``[n]``.
        random: generator.

    Raises:
        ImprintError: no differences, or one that is not finite.
    """
    values = sample(differences, "differences")
    seen = abs(values.sum()) - ROUNDING * np.abs(values).sum()
    if len(values) <= MAX_EXACT:
        return float((np.abs(_all_flips(len(values)) @ values) >= seen).mean())
    step = 4 * max(1, CHUNK_SIGNS // (4 * len(values)))
    beyond = 0
    for start in range(0, FLIPS, step):
        shape = (min(step, FLIPS - start), len(values))
        flips = random.integers(0, 2, size=shape, dtype=np.int8) * 2.0 - 1.0
        beyond += int((np.abs(flips @ values) >= seen).sum())
    return (1 + beyond) / (FLIPS + 1)


def _all_flips(count: int) -> FloatArray:
    """Return every choice of signs, float64 ``[2^count, count]``."""
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
