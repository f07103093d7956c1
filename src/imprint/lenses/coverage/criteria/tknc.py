"""Top-k neuron coverage: neurons among the k most active of their layer (Ma et al. 2018).

The share of neurons that are among the k largest activations of their layer for some input; of
equal activations, the first neurons count. A layer of k neurons or fewer is full at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.marks import Marks
from imprint.lenses.coverage.criterion.ranking import most_active
from imprint.neurons.activations import Batch


@dataclass(frozen=True)
class TopNeuronsOptions:
    """Settings of top-k neuron coverage."""

    k: int = 10
    """How many neurons of each layer an input covers."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ImprintError(f"tknc.k is {self.k}: an input must cover at least one neuron")


@CRITERIA.register("tknc")
class TopNeuronsCoverage(Marks):
    """Share of neurons that are among the most active of their layer for some input."""

    Options = TopNeuronsOptions
    options: TopNeuronsOptions
    interval = "counts"

    def size(self) -> int:
        """Return one mark a neuron."""
        return self.layers.neurons

    def add(self, batch: Batch) -> None:
        """Mark the most active neurons of each input."""
        self.on(batch.values.device).index_fill_(0, self._top(batch).reshape(-1), True)

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        new = ~self.on(batch.values.device)[self._top(batch)]
        return new.sum(1).double() / self.size()

    def marks(self, batch: Batch) -> Tensor:
        """Return the most active neurons of each input."""
        return self._top(batch)

    def _top(self, batch: Batch) -> Tensor:
        """Return the most active neurons of each input, numbered among all, int64 ``[b, m]``."""
        starts = np.cumsum((0, *self.layers.widths)).tolist()
        tops = most_active(batch, self.options.k)
        return torch.cat([top + start for top, start in zip(tops, starts, strict=False)], dim=1)

    def ceiling(self, inputs: int) -> float:
        """Return the share of neurons that N times k neurons a layer can cover."""
        return (
            sum(min(width, inputs * self.options.k) for width in self.layers.widths) / self.size()
        )
