"""Vectors far from each other, and which further ones are far from all of them.

Exact, and cheaper than all distances. Squared distances are matrix products in the precision of the
vectors; those closer to the threshold than the products' rounding are recomputed from
differences in float64. And since projections are never further apart than the vectors, a vector
needs comparing only with those whose projection on one direction is within √threshold of its own:
most kept vectors are held a second time in the order of their projections on the direction in which
they vary most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

KEPT_TILE = 8192
SORTED_FROM = 512
UNSORTED_SHARE = 3
"""At most one in this many kept vectors waits to be sorted in."""
BLOCK = 64
"""Vectors compared with one window of the sorted ones."""
WORTHWHILE = 0.6
"""Share of the sorted vectors up to which windows of them are faster than all."""
SAMPLE = 1024
POWER_STEPS = 8
DIFFERENCES = 1 << 22
"""Numbers held at a time while distances are recomputed."""


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Kept vectors in the order of their projections.

    Attributes:
        direction: float64 ``[width]``, of length 1 or 0.
        places: float64 ``[m]``, ascending projections.
        rows: ``[m, width + 1]``.
    """

    direction: Tensor
    places: Tensor
    rows: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> _Sorted:
        """Sort vectors by their projections on the direction in which they vary most."""
        direction = _widest(rows[:: max(1, len(rows) // SAMPLE), :-1].double())
        places, order = (rows[:, :-1].double() @ direction).sort()
        return cls(direction, places, rows[order])


class KeptVectors:
    """The kept vectors of one layer, in room that doubles when it is full.

    Attributes:
        room: ``[room, width + 1]``, the vectors in the order in which they were kept, and
            after each its squared norm.
        count: how many there are.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.room = _with_squares(vectors)
        self.count = len(vectors)
        self._sorted: _Sorted | None = None

    @property
    def vectors(self) -> Tensor:
        """Return the kept vectors, ``[count, width]``."""
        return self.room[: self.count, :-1]

    def take(self, vectors: Tensor, threshold: float) -> None:
        """Keep those that are far from all kept before them, one after another."""
        far = vectors[self.far(vectors, threshold)]
        if not len(far):
            return
        kept = _with_squares(far)
        kept = kept[_greedy(len(kept), _close_pairs(far, kept, threshold))]
        needed = self.count + len(kept)
        if needed > len(self.room):
            larger = self.room.new_empty(max(needed, 2 * len(self.room)), self.room.shape[1])
            larger[: self.count] = self.room[: self.count]
            self.room = larger
        self.room[self.count : needed] = kept
        self.count = needed

    def far(self, vectors: Tensor, threshold: float) -> Tensor:
        """Return which vectors have no kept one within the threshold, bool ``[b]``.

        Args:
            vectors: ``[b, width]``.
            threshold: squared distance.
        """
        self._move(vectors)
        far = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
        self._sort()
        first = 0
        if self._sorted is not None:
            first = len(self._sorted.rows)
            for rows, low, high in _windows(vectors, self._sorted, threshold):
                far[rows] &= _far(vectors[rows], self._sorted.rows[low:high], threshold)
        for start in range(first, self.count, KEPT_TILE):
            left = far.nonzero().flatten()
            tile = self.room[start : min(start + KEPT_TILE, self.count)]
            far[left] = _far(vectors[left], tile, threshold)
        return far

    def _move(self, vectors: Tensor) -> None:
        if self.room.device != vectors.device or self.room.dtype != vectors.dtype:
            self.room, self._sorted = self.room.to(vectors), None

    def _sort(self) -> None:
        done = 0 if self._sorted is None else len(self._sorted.rows)
        if self.count - done >= max(SORTED_FROM, self.count // UNSORTED_SHARE):
            self._sorted = _Sorted.of(self.room[: self.count])


def _windows(vectors: Tensor, kept: _Sorted, threshold: float) -> list[tuple[Tensor, int, int]]:
    """Return which vectors to compare with which sorted ones.

    Where the windows hold most of them, whole tiles make fewer and larger products.

    Returns:
        Positions of vectors, int64 ``[r]``, and the range of sorted rows, its end not included.
    """
    places = vectors.double() @ kept.direction
    largest = max(float(places.abs().amax()), float(kept.places.abs().amax()))
    reach = math.sqrt(threshold) + 1e-9 * (1 + largest)  # far beyond the rounding of projections
    places, order = places.sort()
    count, sorted_count = len(places), len(kept.places)
    ends = torch.arange(BLOCK, count + BLOCK, BLOCK, device=places.device).clamp_(max=count)
    lows = torch.searchsorted(kept.places, places[::BLOCK] - reach).tolist()
    highs = torch.searchsorted(kept.places, places[ends - 1] + reach, right=True).tolist()
    if sum(highs) - sum(lows) > WORTHWHILE * len(lows) * sorted_count:
        starts = range(0, sorted_count, KEPT_TILE)
        return [(order, start, min(start + KEPT_TILE, sorted_count)) for start in starts]
    blocks = zip(torch.split(order, BLOCK), lows, highs, strict=True)
    return [(block, low, high) for block, low, high in blocks if low < high]


def _widest(vectors: Tensor) -> Tensor:
    """Return about the direction in which vectors vary most, of length 1, by power iteration.

    Zeros where they do not vary, which puts all of them in one window.
    """
    centred = vectors - vectors.mean(0)
    direction = centred[centred.square().sum(1).argmax()]
    for _ in range(POWER_STEPS):
        direction = centred.T @ (centred @ direction)
        direction = (direction / direction.norm()).nan_to_num(0.0)
    return direction


def _with_squares(vectors: Tensor) -> Tensor:
    """Return the vectors followed by their squared norms, ``[m, width + 1]``."""
    return torch.cat([vectors, vectors.square().sum(1, keepdim=True)], dim=1)


def _far(vectors: Tensor, others: Tensor, threshold: float) -> Tensor:
    """Return which vectors have none of the others within the threshold, bool ``[b]``."""
    nearest, error = _distances(vectors, others, nearest=True)
    far = nearest > threshold - error
    unsure = (far & (nearest <= threshold + error)).nonzero().flatten()
    if len(unsure):
        close = _close_pairs(vectors[unsure], others, threshold)[:, 0]
        far[unsure[close]] = False
    return far


def _close_pairs(vectors: Tensor, others: Tensor, threshold: float) -> Tensor:
    """Return which pairs have a squared distance of at most the threshold, int64 ``[p, 2]``."""
    distances, error = _distances(vectors, others)
    pairs = (distances <= threshold + error[:, None]).nonzero()
    first, second = pairs.unbind(1)
    close = distances[first, second] <= threshold - error[first]
    for unsure in torch.split((~close).nonzero().flatten(), DIFFERENCES // others.shape[1] + 1):
        differences = vectors[first[unsure]].double() - others[second[unsure], :-1].double()
        close[unsure] = differences.square().sum(1) <= threshold
    return pairs[close]


def _distances(vectors: Tensor, others: Tensor, nearest: bool = False) -> tuple[Tensor, Tensor]:
    """Return squared distances by a matrix product, and a bound on their error.

    Args:
        vectors: ``[b, width]``.
        others: ``[m, width + 1]``, followed by their squared norms.
        nearest: give only the smallest of each row.

    Returns:
        ``[b, m]``, or ``[b]``; and ``[b]``.
    """
    squares = vectors.square().sum(1)
    ones = vectors.new_ones(len(vectors), 1)
    distances = torch.cat([-2 * vectors, ones], dim=1) @ others.T
    distances = distances.amin(1) + squares if nearest else distances.add_(squares[:, None])
    rounding = (others.shape[1] + 4) * torch.finfo(vectors.dtype).eps
    return distances, 2 * rounding * (squares + others[:, -1].amax())


def _greedy(count: int, pairs: Tensor) -> Tensor:
    """Return which of some rows are kept one after another, each far from those kept before.

    In each round, all rows that are close to no undecided row before them are kept, and those
    close to them dropped; few rounds do.

    Args:
        count: number of rows.
        pairs: int64 ``[p, 2]``, rows that are close to each other.

    Returns:
        bool ``[count]``.
    """
    later, earlier = pairs[pairs[:, 0] > pairs[:, 1]].unbind(1)
    undecided = torch.ones(count, dtype=torch.bool, device=pairs.device)
    kept = ~undecided
    while bool(undecided.any()):
        first = undecided.clone()
        first[later[undecided[earlier]]] = False
        kept |= first
        undecided &= ~first
        undecided[later[first[earlier]]] = False
    return kept
