"""Which faults are one fault: those of one pair of classes whose features lie together.

A fault belongs to the first one before it of the same pair, expected and predicted class, that is
no further away in the features before the classifier than two seeds of one class commonly are; if
there is none it is a new one. So the number of unique faults counts kinds of failure, and a
thousand copies of one count once. What a fault belongs to depends on those before it alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray

Features = NDArray[np.float32]
MAX_COMPARED = 200
"""Seeds of a class that are compared with one another."""


def common_distance(features: Features, labels: IntArray) -> float:
    """Return the median distance of two seeds of one class; of any two where no class has two.

    Args:
        features: float32 ``[n, d]``.
        labels: int64 ``[n]``.

    Returns:
        0 where there are not two seeds.
    """
    groups = [features[labels == label][:MAX_COMPARED] for label in np.unique(labels)]
    distances = [_pairs(group) for group in groups if len(group) > 1]
    if not distances:
        distances = [_pairs(features[:MAX_COMPARED])]
    joined = np.concatenate(distances)
    return float(np.median(joined)) if len(joined) else 0.0


def _pairs(features: Features) -> FloatArray:
    """Return the distances of all pairs."""
    rows, columns = np.triu_indices(len(features), 1)
    return np.sqrt(_squared_distances(features, features)[rows, columns])


def _codes(pairs: IntArray) -> IntArray:
    """Return one number a pair of classes, ``[n, 2]``, which sort as the pairs do."""
    return (pairs[:, 0] << 32) + pairs[:, 1]


def _squared_distances(a: Features, b: Features) -> FloatArray:
    """Return ‖a_i − b_j‖², float64 ``[n, m]``."""
    left, right = a.astype(np.float64), b.astype(np.float64)
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
    return np.asarray(np.maximum(squares, 0.0))


class UniqueFaults:
    """Faults seen so far, by kind.

    Args:
        radius: distance up to which two faults of one pair of classes are one.
        width: of the features.
    """

    def __init__(self, radius: float, width: int) -> None:
        self.radius = radius
        self.features: Features = np.zeros((0, width), dtype=np.float32)
        self.pairs: IntArray = np.zeros((0, 2), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.pairs)

    def assign(self, pairs: IntArray, features: Features) -> tuple[IntArray, IntArray]:
        """Return the number of the unique fault that each fault belongs to, and which are new.

        Args:
            pairs: int64 ``[n, 2]``, expected and predicted class.
            features: float32 ``[n, d]``.

        Returns:
            int64 ``[n]``, and the rows of new ones, int64 ``[k]``.
        """
        numbers = np.full(len(pairs), -1, dtype=np.int64)
        new = np.zeros(len(pairs), dtype=bool)
        codes, known_codes = _codes(pairs), _codes(self.pairs)
        for code in sorted(set(codes.tolist())):
            rows = np.flatnonzero(codes == code)
            before = np.flatnonzero(known_codes == code)
            leaders = self._leaders(features[rows], self.features[before])
            # Those before have their numbers; a new one is named by its row for now.
            known = leaders < len(before)
            numbers[rows[known]] = before[leaders[known]]
            numbers[rows[~known]] = -1 - rows[leaders[~known] - len(before)]
            new[rows[leaders - len(before) == np.arange(len(rows))]] = True
        fresh = np.flatnonzero(new)
        places = np.cumsum(new) - 1 + len(self)
        unnamed = numbers < 0
        numbers[unnamed] = places[-1 - numbers[unnamed]]
        self.add(pairs[fresh], features[fresh])
        return numbers, fresh

    def add(self, pairs: IntArray, features: Features) -> None:
        """Take in unique faults."""
        self.pairs = np.concatenate([self.pairs, pairs])
        self.features = np.concatenate([self.features, features])

    def _leaders(self, features: Features, before: Features) -> IntArray:
        """Return whom each fault of one pair follows: one before, or one of these themselves.

        Args:
            features: float32 ``[n, d]``, in their order.
            before: float32 ``[m, d]``, unique faults of the pair.

        Returns:
            int64 ``[n]``, numbers of ``before``, or m + the row of a new one.
        """
        within = self.radius**2
        leaders = np.full(len(features), -1, dtype=np.int64)
        if len(before):
            near = _squared_distances(features, before) <= within
            leaders = np.where(near.any(1), near.argmax(1), -1)
        while len(free := np.flatnonzero(leaders < 0)):
            first = int(free[0])
            leaders[first] = len(before) + first
            if len(free) > 1:
                rest = free[1:]
                close = _squared_distances(features[rest], features[first : first + 1])[:, 0]
                leaders[rest[close <= within]] = len(before) + first
        return leaders

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return pairs and features, for :meth:`restore`."""
        return {"pairs": self.pairs, "features": self.features}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take up where :meth:`state` left off."""
        self.pairs = state["pairs"].astype(np.int64)
        self.features = state["features"].astype(np.float32)
