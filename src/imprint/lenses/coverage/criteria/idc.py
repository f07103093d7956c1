"""Importance-driven coverage: cells of the most important neurons (Gerasimou et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cell_criterion import CellCriterion
from imprint.lenses.coverage.clusters.clusterers import CLUSTERERS
from imprint.lenses.coverage.clusters.separation import separation, strongest
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.neurons.activations import ActivationTable


@dataclass(frozen=True)
class ImportanceDrivenOptions:
    """Settings of importance-driven coverage."""

    m: int = 10
    """How many neurons to look at, where none are given."""

    k: int = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""

    clusterer: str = "exact"
    """Exact k-means, or one of scikit-learn's, as MeanShift, which finds its own number."""

    clusters: Literal["all", "class"] = "all"
    """Whether all training data are clustered together, or those of each class."""

    neurons: tuple[int, ...] | None = None
    """Which neurons, numbered among all: the most important by attribution. None takes those
    that tell the classes of the training data apart best."""

    def __post_init__(self) -> None:
        if self.m < 1:
            raise ImprintError(f"idc.m is {self.m}: it must be at least 1")
        if self.k < 0:
            raise ImprintError(f"idc.k is {self.k}: it must be 0 (by silhouette) or more")
        if self.clusterer != "exact" and self.clusterer not in CLUSTERERS:
            raise ImprintError(
                f"idc.clusterer is {self.clusterer!r}: choose one of exact, {', '.join(CLUSTERERS)}"
            )
        if self.clusters not in ("all", "class"):
            raise ImprintError(f"idc.clusters is {self.clusters!r}: it must be all or class")


@CRITERIA.register("idc")
class ImportanceDrivenCoverage(CellCriterion):
    """Share of the cells of important neurons' clusters that some input reaches."""

    Options = ImportanceDrivenOptions

    @property
    def by_class(self) -> bool:
        """Whether each class has clusters of its own."""
        return bool(self.options.clusters == "class")

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the given neurons, or those of the greatest separation of classes."""
        if self.options.neurons is None:
            return strongest(separation(train), self.options.m, self.layers)
        return given_neurons("idc", self.options.neurons, self.layers.neurons)


def given_neurons(name: str, neurons: tuple[int, ...], count: int) -> IntArray:
    """Return given neurons as int64 ``[m]``.

    Raises:
        ImprintError: none, one twice, or one that the network does not have.
    """
    if not neurons or len(set(neurons)) != len(neurons):
        raise ImprintError(f"{name}.neurons must name at least one neuron, and none twice")
    if min(neurons) < 0 or max(neurons) >= count:
        raise ImprintError(
            f"{name}.neurons has {max(neurons)}, least {min(neurons)}: the network has {count}, "
            "numbered from 0"
        )
    return np.array(neurons, dtype=np.int64)
