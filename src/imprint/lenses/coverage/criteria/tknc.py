"""Top-k neuron coverage: neurons among the k most active of their layer (Ma et al. 2018).

The share of neurons that are among the k largest activations of their layer for some input; of
equal activations, the first neurons count. A layer of k neurons or fewer is full at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.marks import Marks
from imprint.lenses.coverage.criterion.ranking import most_active
from imprint.neurons.activations import Batch


@dataclass(frozen=True)
class TopNeuronsOptions(Checked):
    """Settings of top-k neuron coverage."""

    k: Annotated[int, Bounds(least=1)] = 10
    """How many neurons of each layer an input covers."""


@criterion("tknc", "neurons among the most active of their layer")
class TopNeuronsCoverage(Marks):
    """Share of neurons that are among the most active of their layer for some input."""

    Options = TopNeuronsOptions
    options: TopNeuronsOptions
    interval = "counts"

    def size(self) -> int:
        """Return one mark a neuron."""
        return self.layers.neurons

    def marks(self, batch: Batch) -> Tensor:
        """Return the most active neurons of each input, numbered among all."""
        starts = np.cumsum((0, *self.layers.widths)).tolist()
        tops = most_active(batch, self.options.k)
        return torch.cat([top + start for top, start in zip(tops, starts, strict=False)], dim=1)

    def ceiling(self, inputs: int) -> float:
        """Return the share of neurons that N times k neurons a layer can cover."""
        widths = self.layers.widths
        return sum(min(width, inputs * self.options.k) for width in widths) / self.size()
