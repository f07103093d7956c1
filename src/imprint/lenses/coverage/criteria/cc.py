"""Cluster coverage: activation vectors far from all kept before (TensorFuzz; Odena et al. 2019).

Each layer keeps vectors: the first, and every further one whose squared Euclidean distance to all
kept ones exceeds the threshold. The value is the number of vectors kept beyond each layer's first.
Inputs are taken one after another, so the value depends on their order, though not on how they
are cut into batches; two criteria that saw different inputs merge by taking the kept vectors of
the second as further inputs.

Cost: at most the kept vectors times the width in multiply-adds an input and layer, less by
:mod:`imprint.lenses.coverage.criterion.kept_vectors`; memory twice the kept vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.criterion.criterion import Criterion, criterion
from imprint.lenses.coverage.criterion.kept_vectors import KeptVectors
from imprint.neurons.activations import Batch

ROW_TILE = 1024


@dataclass(frozen=True)
class ClusterCoverageOptions(Checked):
    """Settings of cluster coverage."""

    threshold: Annotated[float, Bounds(least=0)] = 10.0
    """Squared distance that a vector must exceed to all kept ones to be kept."""


@criterion("cc", "activation vectors far from all before them")
class ClusterCoverage(Criterion):
    """Number of activation vectors that were far from all before them, over all layers."""

    Options = ClusterCoverageOptions
    options: ClusterCoverageOptions
    order_free = False
    diminishing = True

    def reset(self) -> None:
        """See nothing yet."""
        self.kept = [KeptVectors(torch.empty(0, width)) for width in self.layers.widths]

    def add(self, batch: Batch) -> None:
        """Keep the vectors of the batch that are far, one input after another."""
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            _take(kept, part, self.options.threshold)

    def gain(self, batch: Batch) -> Tensor:
        """Return in how many layers each input alone would be kept, float64 ``[b]``."""
        gain = torch.zeros(len(batch), dtype=torch.float64, device=batch.values.device)
        for kept, part in zip(self.kept, batch.by_layer(), strict=True):
            if kept.count:
                gain += kept.far(part, self.options.threshold)
        return gain

    def join(self, other: ClusterCoverage) -> None:
        """Take the other one's kept vectors as further inputs."""
        for kept, theirs in zip(self.kept, other.kept, strict=True):
            _take(kept, theirs.vectors.to(kept.room.device), self.options.threshold)

    def value(self) -> float:
        """Return the number of vectors kept beyond each layer's first."""
        return float(sum(max(0, kept.count - 1) for kept in self.kept))

    def ceiling(self, inputs: int) -> float:
        """Return what it would be if all inputs but the first were kept in every layer."""
        return float(len(self.kept) * max(0, inputs - 1))

    def published_ratio(self, value: float, inputs: int) -> float:
        """Return the kept vectors over the inputs."""
        return super().published_ratio(value / max(1, inputs), inputs)

    def tensors(self) -> dict[str, Tensor]:
        """Return the kept vectors of each layer."""
        return {f"kept.{i}": kept.vectors.clone() for i, kept in enumerate(self.kept)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the kept vectors."""
        self.kept = [KeptVectors(state[f"kept.{i}"]) for i in range(len(self.layers.widths))]


def _take(kept: KeptVectors, vectors: Tensor, threshold: float) -> None:
    for start in range(0, len(vectors), ROW_TILE):
        kept.take(vectors[start : start + ROW_TILE], threshold)
