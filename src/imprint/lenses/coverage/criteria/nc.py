"""Neuron coverage: neurons that some input makes stand out in their layer (Pei et al. 2017).

Each input's activations are scaled to [0, 1] within each layer; a neuron is covered once its
scaled activation exceeds the threshold. In a layer of equal activations none stands out.

With ``scale="none"`` activations are compared with the threshold as they are, in the units of their
layer: neurons that are active, as first published for networks of one scale.

The threshold is 0.75 by default, as in guided fuzzing and in DeepImportance's comparison; WISDOM's
research questions use 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.marks import Marks
from imprint.neurons.activations import Batch


@dataclass(frozen=True)
class NeuronCoverageOptions(Checked):
    """Settings of neuron coverage."""

    threshold: Annotated[float, Bounds()] = 0.75
    """Activation that a covered neuron exceeds; in [0, 1) where it is scaled."""

    scale: Literal["layer", "none"] = "layer"
    """Scale the activations of an input to [0, 1] within each layer, or take them as they are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale == "layer" and not 0 <= self.threshold < 1:
            complaint = f"must be in [0, 1), got {self.threshold}; any number with nc.scale=none"
            raise OptionError(NeuronCoverageOptions, "threshold", complaint)


@criterion("nc", "neurons that stand out in their layer")
class NeuronCoverage(Marks):
    """Share of neurons whose scaled activation exceeds a threshold for some input."""

    Options = NeuronCoverageOptions
    options: NeuronCoverageOptions
    without_interval = (
        "a rare input can make many neurons stand out at once, and tests that lack its kind show "
        "no sign of it: no interval from one test set is known to cover the expected value"
    )

    def size(self) -> int:
        """Return one mark a neuron."""
        return self.layers.neurons

    def add(self, batch: Batch) -> None:
        """Mark the neurons that stand out for some input of the batch."""
        standing_out = [part.any(0) for part in self._standing_out(batch)]
        self.marked = self.on(batch.values.device) | torch.cat(standing_out)

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        new = torch.cat(self._standing_out(batch), dim=1) & ~self.on(batch.values.device)
        return new.sum(1).double() / self.size()

    def ceiling(self, inputs: int) -> float:
        """Return the share of neurons that can stand out for one input or another.

        A neuron alone in its layer never does, and one input leaves out the least active neuron
        of each layer; as they are, all may exceed the threshold at once.
        """
        if not inputs or self.options.scale == "none":
            return float(inputs > 0)
        spared = 1 if inputs == 1 else 0
        return sum(width - spared for width in self.layers.widths if width > 1) / self.size()

    def _standing_out(self, batch: Batch) -> list[Tensor]:
        """Return whether each neuron exceeds the threshold, bool ``[b, width]`` a layer."""
        parts = []
        for part in batch.by_layer():
            if self.options.scale == "none":
                parts.append(part > self.options.threshold)
                continue
            low, high = part.amin(1, keepdim=True), part.amax(1, keepdim=True)
            parts.append((part - low) > self.options.threshold * (high - low))
        return parts
