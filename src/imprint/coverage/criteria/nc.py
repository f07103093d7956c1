"""Neuron coverage: neurons that some input makes stand out in their layer (Pei et al. 2017).

Each input's activations are scaled to [0, 1] within each layer; a neuron is covered once its
scaled activation exceeds the threshold. In a layer of equal activations none stands out.
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


@dataclass(frozen=True)
class NeuronCoverageOptions:
    """Settings of neuron coverage."""

    threshold: float = 0.75
    """Scaled activation that a covered neuron exceeds, in [0, 1)."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < 1:
            raise ImprintError(f"nc.threshold is {self.threshold}: it must lie in [0, 1)")


@CRITERIA.register("nc")
class NeuronCoverage(Criterion):
    """Share of neurons whose scaled activation exceeds a threshold for some input."""

    Options = NeuronCoverageOptions

    def __init__(self, layers: Layers, options: Any = None) -> None:
        super().__init__(layers, options)
        self.reset()

    def reset(self) -> None:
        """See nothing yet."""
        self.covered = torch.zeros(self.layers.neurons, dtype=torch.bool)

    def add(self, batch: Batch) -> None:
        """Mark the neurons that stand out for some input of the batch."""
        found = [_standing_out(part, self.options.threshold).any(0) for part in batch.by_layer()]
        self.covered = self.covered.to(batch.values.device) | torch.cat(found)

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        found = torch.cat(
            [_standing_out(part, self.options.threshold) for part in batch.by_layer()], dim=1
        )
        new = found & ~self.covered.to(found.device)
        return new.sum(1).double() / self.layers.neurons

    def join(self, other: NeuronCoverage) -> None:
        """Cover what either covers."""
        self.covered = self.covered | other.covered.to(self.covered.device)

    def value(self) -> float:
        """Return the share of neurons that are covered."""
        return float(self.covered.sum()) / self.layers.neurons

    def ceiling(self, inputs: int) -> float:
        """Return the share of neurons in layers of two or more: one alone never stands out."""
        if not inputs:
            return 0.0
        return sum(width for width in self.layers.widths if width > 1) / self.layers.neurons

    def state_dict(self) -> dict[str, Tensor]:
        """Return which neurons are covered, and how many inputs were seen."""
        return {"covered": self.covered, "inputs": torch.tensor(self.inputs)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off."""
        self.covered = state["covered"]
        self.inputs = int(state["inputs"])


def _standing_out(part: Tensor, threshold: float) -> Tensor:
    low, high = part.aminmax(dim=1, keepdim=True)
    return (part - low) > threshold * (high - low)
