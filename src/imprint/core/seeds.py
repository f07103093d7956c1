"""Randomness that depends on (seed, purpose, id) and on nothing else.

Every random number of imprint is a pure function of one user seed, a purpose ("order",
"augment", …) and the identity of what it is drawn for (an epoch, an example). So a result does
not change with the batch size, the number of workers, or a resume half-way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def derive(seed: int, purpose: str, *ids: int | str) -> int:
    """Return the 63-bit seed of ``purpose`` and ``ids`` under ``seed``.

    Any two different argument tuples give unrelated seeds (BLAKE2b).

    >>> derive(0, "order", 3) == derive(0, "order", 3)
    True
    >>> derive(0, "order", 3) == derive(0, "order", 4)
    False
    """
    key = "\x1f".join([str(seed), purpose, *map(str, ids)])
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, purpose: str, *ids: int | str) -> np.random.Generator:
    """Return the NumPy generator (Philox, counter-based) of ``purpose`` and ``ids``."""
    return np.random.Generator(np.random.Philox(derive(seed, purpose, *ids)))


@contextmanager
def numpy_global_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, for libraries that draw from it alone; restore it after."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def uniforms(key: int, ids: ArrayLike, count: int) -> NDArray[np.float64]:
    """Return ``count`` uniform numbers for each id: row i depends on ``key`` and ``ids[i]`` alone.

    A counter-based generator in the manner of SplitMix64 (Steele, Lea, Flood 2014, fig. 16),
    evaluated at all (id, column) at once.

    Args:
        key: a seed from :func:`derive`.
        ids: int64 ``[n]``, e.g. indices of examples.
        count: numbers per id.

    Returns:
        float64 ``[n, count]`` in [0, 1), multiples of 2⁻⁵³.
    """
    rows = np.asarray(ids, dtype=np.int64).astype(np.uint64)[:, None]
    columns = np.arange(1, count + 1, dtype=np.uint64)[None, :]
    with np.errstate(over="ignore"):
        state = _mix(np.uint64(key) + rows * _GOLDEN)
        state = _mix(state + columns * _GOLDEN)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
