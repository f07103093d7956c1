"""Neuron boundary coverage: both ends of each neuron's training range (Ma et al. 2018).

Each neuron has two corners: below l_j − s·σ_j and above u_j + s·σ_j, from minimum, maximum and
deviation over training data; s = 0 unless told otherwise. The value is the share of the 2n corners
that some input reaches.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.lenses.coverage.criterion.criterion import CRITERIA, fitted
from imprint.lenses.coverage.criterion.extremes import BeyondRange, held_together, numbered
from imprint.neurons.activations import Batch


@CRITERIA.register("nbc")
class BoundaryCoverage(BeyondRange):
    """Share of the two corners of each neuron that some input reaches."""

    name = "nbc"

    def value(self) -> float:
        """Return the share of corners that were reached."""
        return (int(self.above().sum()) + int(self.below().sum())) / (2 * self.layers.neurons)

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        corners = self.newly_above(batch) + self.newly_below(batch)
        return corners.double() / (2 * self.layers.neurons)

    def marks(self, batch: Batch) -> Tensor:
        """Return the corners that each input reaches, those below after those above."""
        return numbered(torch.cat([self.beyond_upper(batch), self.beyond_lower(batch)], dim=1))

    def mark_count(self) -> int:
        """Return two marks a neuron."""
        return 2 * self.layers.neurons

    @property
    def unit(self) -> float:
        """By how much one corner raises the value."""
        return 1 / (2 * self.layers.neurons)

    @property
    def burst(self) -> float:
        """How many corners one training input holds."""
        limits = fitted(self.boundaries, self.name)
        return held_together(torch.cat([limits.held_high, limits.held_low]))

    def ceiling(self, inputs: int) -> float:
        """Return 1, or one half for a single input, which reaches one corner a neuron at most."""
        return min(inputs, 2) / 2
