"""Cluster coverage: activation vectors far from all kept before (TensorFuzz; Odena et al. 2019).

Each layer keeps vectors: the first, and every further one whose squared Euclidean distance to all
kept ones exceeds the threshold. The value is the number of vectors kept beyond each layer's first.
Inputs are taken one after another, so the value depends on their order, though not on how they
are cut into batches; two criteria that saw different inputs merge by taking the kept vectors of
the second as further inputs.

Distances come from matrix products in float32; those closer to the threshold than the products'
rounding are computed anew from differences in float64. Cost: kept vectors times width multiply-adds
an input and layer, memory the kept vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imprint.activations import Batch, Layers
from imprint.coverage.criterion import CRITERIA, Criterion
from imprint.errors import ImprintError

ROW_TILE = 1024
KEPT_TILE = 8192
DIFFERENCES = 1 << 22
"""Numbers held at a time while distances are computed anew."""


@dataclass(frozen=True)
class ClusterCoverageOptions:
    """Settings of cluster coverage."""

    threshold: float = 10.0
    """Squared distance that a vector must exceed to all kept ones to be kept."""

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise ImprintError(f"cc.threshold is {self.threshold}: it must not be negative")


class _Kept:
    """The kept vectors of one layer, in room that doubles when it is full.

    Attributes:
        room: float32 ``[room, width + 1]``, the vectors and behind each its squared norm.
        count: how many there are.
    """

    def __init__(self, vectors: Tensor) -> None:
        self.room = _with_squares(vectors)
        self.count = len(vectors)

    @property
    def rows(self) -> Tensor:
        """Return the kept vectors with their squared norms, ``[count, width + 1]``."""
        return self.room[: self.count]

    @property
    def vectors(self) -> Tensor:
        """Return the kept vectors, ``[count, width]``."""
        return self.rows[:, :-1]

    def append(self, vectors: Tensor) -> None:
        """Keep further vectors."""
        needed = self.count + len(vectors)
        if needed > len(self.room):
            larger = self.room.new_empty(max(needed, 2 * len(self.room)), self.room.shape[1])
            larger[: self.count] = self.rows
            self.room = larger
        self.room[self.count : needed] = _with_squares(vectors)
        self.count = needed


@CRITERIA.register("cc")
class ClusterCoverage(Criterion):
    """Number of activation vectors that were far from all before them, over all layers."""

    Options = ClusterCoverageOptions
    options: ClusterCoverageOptions
    order_free = False

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        self.reset()

    def reset(self) -> None:
        """See nothing yet."""
        self.kept = [_Kept(torch.empty(0, width)) for width in self.layers.widths]

    def add(self, batch: Batch) -> None:
        """Keep the vectors of the batch that are far, one input after another."""
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            self._take(kept, part)

    def _take(self, kept: _Kept, vectors: Tensor) -> None:
        kept.room = kept.room.to(vectors.device)
        for some in torch.split(vectors, ROW_TILE) if len(vectors) else ():
            far = some[_far(some, kept.rows, self.options.threshold)]
            if len(far):
                near = _within(far, _with_squares(far), self.options.threshold)
                kept.append(far[_greedy(near)])

    def gain(self, batch: Batch) -> Tensor:
        """Return in how many layers each input alone would be kept, float64 ``[b]``."""
        gain = torch.zeros(len(batch), dtype=torch.float64, device=batch.values.device)
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            if kept.count:
                kept.room = kept.room.to(part.device)
                gain += _far(part, kept.rows, self.options.threshold)
        return gain

    def join(self, other: ClusterCoverage) -> None:
        """Take the other one's kept vectors as further inputs."""
        for kept, theirs in zip(self.kept, other.kept, strict=True):
            self._take(kept, theirs.vectors.to(kept.room.device))

    def value(self) -> float:
        """Return the number of vectors kept beyond each layer's first."""
        return float(sum(max(0, kept.count - 1) for kept in self.kept))

    def ceiling(self, inputs: int) -> float:
        """Return what it would be if all inputs but the first were kept in every layer."""
        return float(len(self.kept) * max(0, inputs - 1))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the kept vectors of each layer, and how many inputs were seen."""
        vectors = {f"kept.{i}": kept.vectors.clone() for i, kept in enumerate(self.kept)}
        return {**vectors, "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.kept = [_Kept(state[f"kept.{i}"]) for i in range(len(self.layers.widths))]
        self.inputs = int(state["inputs"])


def _with_squares(vectors: Tensor) -> Tensor:
    """Return the vectors with their squared norms behind them, ``[m, width + 1]``."""
    return torch.cat([vectors, vectors.square().sum(1, keepdim=True)], dim=1)


def _far(vectors: Tensor, kept: Tensor, threshold: float) -> Tensor:
    """Return which vectors have no kept one within the threshold, bool ``[b]``.

    Args:
        vectors: ``[b, width]``.
        kept: ``[m, width + 1]``, kept vectors and their squared norms.
        threshold: squared distance.
    """
    far = torch.arange(len(vectors), device=vectors.device)
    for tile in torch.split(kept, KEPT_TILE) if len(kept) else ():
        some = vectors[far]
        nearest, error = _distances(some, tile, nearest=True)
        left = nearest > threshold - error
        unsure = (left & (nearest <= threshold + error)).nonzero().flatten()
        if len(unsure):
            left[unsure] = ~_within(some[unsure], tile, threshold).any(1)
        far = far[left]
    return torch.zeros(len(vectors), dtype=torch.bool, device=far.device).index_fill_(0, far, True)


def _within(vectors: Tensor, others: Tensor, threshold: float) -> Tensor:
    """Return which pairs have a squared distance of at most the threshold, bool ``[b, m]``."""
    distances, error = _distances(vectors, others)
    within = distances <= threshold
    pairs = ((distances - threshold).abs_() <= error[:, None]).nonzero()
    for some in torch.split(pairs, max(1, DIFFERENCES // others.shape[1])):
        one, other = some.unbind(1)
        exact = (vectors[one].double() - others[other, :-1].double()).square().sum(1)
        within[one, other] = exact <= threshold
    return within


def _distances(vectors: Tensor, others: Tensor, nearest: bool = False) -> tuple[Tensor, Tensor]:
    """Return squared distances by a matrix product, and a bound on their error.

    Args:
        vectors: ``[b, width]``.
        others: ``[m, width + 1]``, with their squared norms behind them.
        nearest: give only the smallest of each row.

    Returns:
        ``[b, m]``, or ``[b]``; and ``[b]``.
    """
    squares = vectors.square().sum(1)
    ones = torch.ones(len(vectors), 1, device=vectors.device)
    distances = torch.cat([-2 * vectors, ones], dim=1) @ others.T
    distances = distances.amin(1) + squares if nearest else distances.add_(squares[:, None])
    rounding = (others.shape[1] + 4) * torch.finfo(torch.float32).eps
    return distances, 2 * rounding * (squares + others[:, -1].amax())


def _greedy(within: Tensor) -> Tensor:
    """Return which rows are kept one after another, each far from those kept before, bool ``[m]``.

    In each round, all rows that no undecided row before them is close to are kept, and those
    close to them dropped; few rounds do.
    """
    earlier = within.tril(-1)
    kept = torch.zeros(len(within), dtype=torch.bool, device=within.device)
    undecided = ~kept
    while bool(undecided.any()):
        first = undecided & ~(earlier & undecided).any(1)
        kept |= first
        undecided &= ~first & ~(within & first).any(1)
    return kept
