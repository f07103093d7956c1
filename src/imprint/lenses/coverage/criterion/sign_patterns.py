"""Sign patterns of one layer, which of them differ in one neuron, and the next layer's signs.

A pattern is the packed bits of a layer, one a neuron, set where the activation is positive. Two
that differ in neuron i alone are found by hash: a random 64-bit number a neuron, summed over the
set bits modulo 2⁶⁴, changes by the number of neuron i. Hits are checked on the bits themselves, so
a pair that is found is one; a pair could be missed if two patterns shared their hash, with
probability below 10⁻⁹ for a hundred thousand patterns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.seeds import generator

Bits = NDArray[np.uint8]
FILTER_BITS = 20
LOOKUPS = 1 << 21
"""Hashes looked up at a time."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows that differ from a known pattern in exactly one neuron.

    Attributes:
        rows: int64 ``[p]``, the row of the given patterns.
        neurons: int64 ``[p]``, the neuron that differs.
        patterns: int64 ``[p]``, the known pattern.
    """

    rows: NDArray[np.int64]
    neurons: NDArray[np.int64]
    patterns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SignPatterns:
    """Distinct patterns of a layer, and what the next layer showed with each.

    Attributes:
        width: number of neurons of the layer.
        patterns: packed bits ``[u, bytes]``, sorted by hash.
        hashes: uint64 ``[u]``, ascending.
        positive: packed bits ``[u, bytes of the next layer]``: positive for some input.
        negative: the same, not positive for some input.
    """

    width: int
    patterns: Bits
    hashes: NDArray[np.uint64]
    positive: Bits
    negative: Bits

    @classmethod
    def of(cls, width: int, own: Bits, following: Bits) -> SignPatterns:
        """Gather inputs by pattern.

        Args:
            width: number of neurons of the layer.
            own: packed bits of the layer, ``[inputs, bytes]``.
            following: packed bits of the next layer.
        """
        hashes = _hashes(own, width)
        order = np.argsort(hashes, kind="stable")
        hashes, own, following = hashes[order], own[order], following[order]
        new = np.ones(len(own), dtype=bool)
        new[1:] = hashes[1:] != hashes[:-1]
        starts = np.flatnonzero(new)
        positive, negative = following, ~following
        if len(starts) < len(own):
            positive = np.bitwise_or.reduceat(following, starts, axis=0)
            negative = np.bitwise_or.reduceat(~following, starts, axis=0)
        return cls(width, own[starts], hashes[starts], positive, negative)

    def neighbours(self, rows: Bits) -> Iterator[Pairs]:
        """Yield the pairs of given and known patterns that differ in one neuron, some at a time."""
        if not len(self.patterns):
            return
        weights = _weights(self.width)
        known = np.zeros(1 << FILTER_BITS, dtype=bool)
        known[self.hashes & np.uint64(known.size - 1)] = True
        step = max(1, LOOKUPS // self.width)
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            bits = np.unpackbits(part, axis=1, count=self.width)
            changes = np.where(bits, np.uint64(0) - weights, weights)
            flipped = _hashes(part, self.width)[:, None] + changes
            likely = np.nonzero(known[flipped & np.uint64(known.size - 1)])
            wanted = flipped[likely]
            places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
            hit = self.hashes[places] == wanted
            matched, neurons, places = likely[0][hit], likely[1][hit], places[hit]
            differing = np.bitwise_count(part[matched] ^ self.patterns[places]).sum(1) == 1
            yield Pairs(matched[differing] + start, neurons[differing], places[differing])


def _weights(width: int) -> NDArray[np.uint64]:
    return generator(0, "sign weights").integers(0, 2**64, width, dtype=np.uint64)


def _hashes(patterns: Bits, width: int) -> NDArray[np.uint64]:
    """Return the sum of the numbers of the set bits modulo 2⁶⁴, uint64 ``[n]``.

    Byte by byte from tables of the 256 sums a byte can have.
    """
    padded = np.zeros(8 * patterns.shape[1], dtype=np.uint64)
    padded[:width] = _weights(width)
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.uint64)
    hashes = np.zeros(len(patterns), dtype=np.uint64)
    for column, numbers in zip(patterns.T, padded.reshape(-1, 8), strict=True):
        hashes += (bits @ numbers)[column]
    return hashes
