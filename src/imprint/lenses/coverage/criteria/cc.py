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
from typing import Any

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.criterion.kept_vectors import KeptVectors
from imprint.neurons.activations import Batch, Layers

ROW_TILE = 1024


@dataclass(frozen=True)
class ClusterCoverageOptions:
    """Settings of cluster coverage."""

    threshold: float = 10.0
    """Squared distance that a vector must exceed to all kept ones to be kept."""

    def __post_init__(self) -> None:
        if not self.threshold >= 0:
            raise ImprintError(f"cc.threshold is {self.threshold}: it must not be negative")


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

    def state_dict(self) -> dict[str, Tensor]:
        """Return the kept vectors of each layer, and how many inputs were seen."""
        vectors = {f"kept.{i}": kept.vectors.clone() for i, kept in enumerate(self.kept)}
        return {**vectors, "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.kept = [KeptVectors(state[f"kept.{i}"]) for i in range(len(self.layers.widths))]
        self.inputs = int(state["inputs"])


def _take(kept: KeptVectors, vectors: Tensor, threshold: float) -> None:
    for start in range(0, len(vectors), ROW_TILE):
        kept.take(vectors[start : start + ROW_TILE], threshold)
