"""Strong neuron activation coverage: neurons above their training range (Ma et al. 2018).

The share of neurons j for which some input has a_j > u_j + s·σ_j, where u_j and σ_j are maximum
and deviation over training data; s = 0 unless told otherwise.
"""

from __future__ import annotations

from torch import Tensor

from imprint.lenses.coverage.criterion.criterion import CRITERIA, fitted
from imprint.lenses.coverage.criterion.extremes import BeyondRange, held_together, numbered
from imprint.neurons.activations import Batch


@CRITERIA.register("snac")
class StrongActivationCoverage(BeyondRange):
    """Share of neurons that some input drives above their training range."""

    name = "snac"

    def value(self) -> float:
        """Return the share of neurons above their range."""
        return int(self.above().sum()) / self.layers.neurons

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        return self.newly_above(batch).double() / self.layers.neurons

    def marks(self, batch: Batch) -> Tensor:
        """Return the neurons that each input drives above their range."""
        return numbered(self.beyond_upper(batch))

    def mark_count(self) -> int:
        """Return one mark a neuron."""
        return self.layers.neurons

    @property
    def unit(self) -> float:
        """By how much one neuron raises the value."""
        return 1 / self.layers.neurons

    @property
    def burst(self) -> float:
        """How many largest activations one training input holds."""
        return held_together(fitted(self.boundaries, self.name).held_high)

    def ceiling(self, inputs: int) -> float:
        """Return 1: a single input may drive every neuron above its range."""
        return 1.0 if inputs else 0.0
