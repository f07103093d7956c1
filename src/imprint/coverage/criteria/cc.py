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
    """The kept vectors of one layer, in room that doubles when it is full."""

    def __init__(self, room: Tensor, count: int) -> None:
        self.room = room
        self.count = count

    @property
    def vectors(self) -> Tensor:
        """Return the kept vectors, ``[count, width]``."""
        return self.room[: self.count]

    def append(self, rows: Tensor) -> None:
        """Keep further vectors."""
        self.room = self.room.to(rows.device)
        needed = self.count + len(rows)
        if needed > len(self.room):
            larger = self.room.new_empty(max(needed, 2 * len(self.room)), self.room.shape[1])
            larger[: self.count] = self.vectors
            self.room = larger
        self.room[self.count : needed] = rows
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
        self.kept = [_Kept(torch.empty(0, width), 0) for width in self.layers.widths]

    def add(self, batch: Batch) -> None:
        """Keep the vectors of the batch that are far, one input after another."""
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            self._take(kept, part)

    def _take(self, kept: _Kept, rows: Tensor) -> None:
        for some in torch.split(rows, ROW_TILE):
            far = some[_far(some, kept.vectors, self.options.threshold)]
            if len(far):
                kept.append(far[_greedy(_within(far, far, self.options.threshold))])

    def gain(self, batch: Batch) -> Tensor:
        """Return in how many layers each input alone would be kept, float64 ``[b]``."""
        gain = torch.zeros(len(batch), dtype=torch.float64, device=batch.values.device)
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            if kept.count:
                gain += _far(part, kept.vectors, self.options.threshold)
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
        vectors = [state[f"kept.{i}"].clone() for i in range(len(self.layers.widths))]
        self.kept = [_Kept(rows, len(rows)) for rows in vectors]
        self.inputs = int(state["inputs"])


def _far(rows: Tensor, kept: Tensor, threshold: float) -> Tensor:
    """Return which rows have no kept vector within the threshold, bool ``[b]``."""
    kept = kept.to(rows.device)
    far = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    for tile in torch.split(kept, KEPT_TILE) if len(kept) else ():
        squares, error = _squares_and_error(rows, tile)
        nearest = torch.addmm(tile.square().sum(1), rows, tile.T, alpha=-2).amin(1) + squares
        far &= nearest > threshold - error
        unsure = (far & (nearest <= threshold + error)).nonzero().flatten()
        if len(unsure):
            far[unsure] = ~_within(rows[unsure], tile, threshold).any(1)
    return far


def _within(rows: Tensor, others: Tensor, threshold: float) -> Tensor:
    """Return which pairs have a squared distance of at most the threshold, bool ``[b, m]``."""
    squares, error = _squares_and_error(rows, others)
    distances = torch.addmm(others.square().sum(1), rows, others.T, alpha=-2)
    distances += squares[:, None]
    within = distances <= threshold
    pairs = ((distances - threshold).abs_() <= error[:, None]).nonzero()
    for some in torch.split(pairs, max(1, DIFFERENCES // rows.shape[1])):
        one, other = some.unbind(1)
        exact = (rows[one].double() - others[other].double()).square().sum(1)
        within[one, other] = exact <= threshold
    return within


def _squares_and_error(rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared norms of the rows and a bound on the error of squared distances."""
    squares = rows.square().sum(1)
    rounding = (rows.shape[1] + 4) * torch.finfo(torch.float32).eps
    return squares, rounding * 2 * (squares + others.square().sum(1).amax())


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
