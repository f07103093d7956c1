"""Path coverage: what important neurons of neighbouring layers do together.

The m most important neurons of each layer are clustered, each by itself. An edge is a pair of them
in one layer and the next; its k_i·k_j cells are the pairs of their clusters. The value is the share
of the cells of all edges that some input reaches. Where IDC has one cell for all its neurons at
once, most of which no input can reach, here every edge counts by itself: which steps of the paths
from layer to layer the tests take.

Every input reaches one cell of each edge, so N inputs reach at most Σ min(N, k_i·k_j).

State: a byte a cell, m²·k² for each pair of layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.clusters.separation import separation
from imprint.lenses.coverage.criterion.criterion import criterion, fitted
from imprint.lenses.coverage.criterion.marks import Marks
from imprint.neurons.activations import ActivationTable, Batch, Layers


@dataclass(frozen=True)
class PathOptions(Checked):
    """Settings of path coverage."""

    m: Annotated[int, Bounds(least=1)] = 5
    """How many neurons of each layer to observe, the most important ones."""

    k: Annotated[int, Bounds(least=0)] = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""

    neurons: tuple[int, ...] | None = None
    """Which neurons, numbered among all, of two layers or more. None takes those of each layer that
    separate the classes of the training data best."""

    def choose(self, train: ActivationTable) -> IntArray:
        """Return the neurons, in order of their places, int64.

        Raises:
            ImprintError: one that the network does not have, one twice, or all of one layer.
        """
        if self.neurons is None:
            return leading_by_layer(train.layers, separation(train), self.m, train.layers.names[-1])
        chosen = np.unique(np.array(self.neurons, dtype=np.int64))
        if len(chosen) != len(self.neurons):
            raise ImprintError("paths.neurons must not name a neuron twice")
        if not len(chosen) or chosen[0] < 0 or chosen[-1] >= train.layers.neurons:
            raise ImprintError(f"paths.neurons must be from 0 to {train.layers.neurons - 1}")
        return chosen


def leading_by_layer(
    layers: Layers, scores: FloatArray, m: int, classifier: str | None
) -> IntArray:
    """Return the m neurons of the highest scores of each hidden layer, in order of their places.

    The classifier is among the layers only where one other layer is left at most.

    Args:
        layers: that are observed.
        scores: float64 ``[neurons]``; neurons without a score, NaN, are not chosen.
        m: neurons of each layer.
        classifier: name of the last layer of the network.
    """
    hidden = [name for name in layers.names if name != classifier]
    chosen = []
    for name in hidden if len(hidden) > 1 else layers.names:
        part = layers.slices[name]
        own = scores[part]
        order = np.argsort(np.where(np.isnan(own), np.inf, -own), kind="stable")
        leading = order[: min(m, int((~np.isnan(own)).sum()))]
        chosen.append(np.sort(leading) + part.start)
    return np.concatenate(chosen).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Edges:
    """The clustered neurons, and the cells of their edges.

    Attributes:
        neurons: int64 ``[n]``, numbered among all, ascending.
        thresholds: float64 ``[n, most]`` between clusters, ascending, filled up with ∞.
        first: int64 ``[e]``, which of the neurons an edge starts at.
        second: int64 ``[e]``, where it ends.
        width: int64 ``[e]``, clusters of its second neuron.
        start: int64 ``[e + 1]``, where the cells of each edge begin among all.
    """

    neurons: Tensor
    thresholds: Tensor
    first: Tensor
    second: Tensor
    width: Tensor
    start: Tensor

    @classmethod
    def of(cls, layers: Layers, neurons: Tensor, thresholds: Tensor) -> _Edges:
        """Return the edges between neurons of neighbouring layers.

        Raises:
            ImprintError: all neurons are of one layer.
        """
        ends = torch.tensor(np.cumsum(layers.widths))
        layer = torch.searchsorted(ends, neurons, right=True)
        each_layer = [(layer == row).nonzero().flatten() for row in range(len(layers.widths))]
        places = [own for own in each_layer if len(own)]
        if len(places) < 2:
            raise ImprintError("paths needs neurons of two layers or more: observe more layers")
        pairs = torch.cat([torch.cartesian_prod(a, b) for a, b in pairwise(places)])
        clusters = 1 + thresholds.isfinite().sum(1)
        first, second = pairs.unbind(1)
        sizes = clusters[first] * clusters[second]
        start = torch.nn.functional.pad(sizes.cumsum(0), (1, 0))
        return cls(neurons, thresholds, first, second, clusters[second], start)

    @property
    def cells(self) -> int:
        """How many cells all edges have."""
        return int(self.start[-1])


@criterion("paths", "steps between important neurons of neighbouring layers")
class PathCoverage(Marks):
    """Share of the cells of edges between important neurons that some input reaches."""

    Options = PathOptions
    options: PathOptions
    family = "cells"
    reads_training = True
    interval = "counts"
    edges: _Edges | None = None

    def __init__(self, layers: Layers, options: Any = None) -> None:
        if len(layers.widths) < 2:
            raise ImprintError(
                "paths compares each layer with the next, and there is only one: observe more "
                "layers"
            )
        super().__init__(layers, options)

    def size(self) -> int:
        """Return the cells of all edges; 0 before the fit."""
        return 0 if self.edges is None else self.edges.cells

    def fit(self, train: ActivationTable) -> None:
        """Choose neurons and cluster their activations.

        Raises:
            ImprintError: no inputs, activations that are not finite, or neurons of which none
                varies.
        """
        if not len(train):
            raise ImprintError("there are no training activations to find clusters of: give some")
        neurons = self.options.choose(train)
        limits = [each.thresholds for each in cluster(train.columns(neurons), self.options.k)]
        most = max(map(len, limits))
        if not most:
            raise ImprintError(
                f"none of the {len(neurons)} neurons varies over the training inputs: give "
                "training inputs that differ, or other neurons"
            )
        thresholds = torch.full((len(neurons), most), torch.inf, dtype=torch.float64)
        for row, each in enumerate(limits):
            thresholds[row, : len(each)] = torch.from_numpy(each)
        self.edges = _Edges.of(self.layers, torch.from_numpy(neurons), thresholds)
        self.reset()

    def marks(self, batch: Batch) -> Tensor:
        """Return the cell of each edge, int64 ``[b, e]``."""
        edges = fitted(self.edges, self.name)
        device = batch.values.device
        values = batch.values[:, edges.neurons.to(device)].double()
        digits = (values[:, :, None] >= edges.thresholds.to(device)).sum(2)
        first, second = digits[:, edges.first.to(device)], digits[:, edges.second.to(device)]
        return edges.start[:-1].to(device) + first * edges.width.to(device) + second

    def value(self) -> float:
        """Return the share of cells that are reached, in [0, 1]."""
        fitted(self.edges, self.name)
        return super().value()

    def ceiling(self, inputs: int) -> float:
        """Return the share of cells that so many inputs can reach: min(N, k_i·k_j) of each edge."""
        edges = fitted(self.edges, self.name)
        return int(edges.start.diff().clamp(max=inputs).sum()) / edges.cells

    def tensors(self) -> dict[str, Tensor]:
        """Return neurons, thresholds and marks."""
        edges = fitted(self.edges, self.name)
        return {
            **super().tensors(),
            "neurons": edges.neurons,
            "thresholds": edges.thresholds,
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set neurons, thresholds and marks."""
        super().restore(state)
        self.edges = _Edges.of(self.layers, state["neurons"], state["thresholds"])
