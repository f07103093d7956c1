"""Importance-driven coverage: cells of the most important neurons (Gerasimou et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion, CellOptions
from imprint.lenses.coverage.clusters.separation import separation, strongest
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.neurons.activations import ActivationTable


@dataclass(frozen=True)
class ImportanceDrivenOptions(CellOptions):
    """Settings of importance-driven coverage."""

    clusters: Literal["all", "class"] = "all"
    """Whether all training data are clustered together, or those of each class."""

    neurons: tuple[int, ...] | None = None
    """Which neurons, numbered among all: the most important by attribution. None takes those
    that separate the classes of the training data best."""

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the neurons of the options, or those of the greatest separation of classes.

        Raises:
            ImprintError: none, one twice, or one that the network does not have.
        """
        if self.neurons is None:
            return strongest(separation(train), self.m, train.layers)
        if not self.neurons or len(set(self.neurons)) != len(self.neurons):
            raise ImprintError("idc.neurons must name at least one neuron, and none twice")
        if min(self.neurons) < 0 or max(self.neurons) >= train.layers.neurons:
            raise ImprintError(
                f"idc.neurons must be from 0 to {train.layers.neurons - 1}, got "
                f"{min(self.neurons)} to {max(self.neurons)}"
            )
        return np.array(self.neurons, dtype=np.int64)


@criterion("idc", "cells of the most important neurons' clusters")
class ImportanceDrivenCoverage(CellCriterion):
    """Share of the cells of important neurons' clusters that some input reaches."""

    Options = ImportanceDrivenOptions

    @property
    def by_class(self) -> bool:
        """Whether each class has clusters of its own."""
        return bool(self.options.clusters == "class")

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the neurons of the options, or those of the greatest separation of classes."""
        neurons: IntArray = self.options.choose(train)
        return neurons
