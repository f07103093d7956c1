"""Findings of single cells and of the clusters behind them, bounded in size for the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusteredNeuron:
    """A neuron with the clusters of its activations on training inputs.

    Attributes:
        layer, neuron: which one.
        thresholds: between the clusters, ascending.
        low, high: range of the bins, that of training and test inputs together.
        training: training inputs in each of the equal bins.
        tests: tests in each.
        sizes: training inputs in each cluster.
        blades: silhouettes of some training inputs of each cluster, at equal distances of rank,
            the highest first; empty of one cluster, which has none.
        silhouette: their mean over all training inputs; None of one cluster.
    """

    layer: str
    neuron: int
    thresholds: tuple[float, ...]
    low: float
    high: float
    training: tuple[int, ...]
    tests: tuple[int, ...]
    sizes: tuple[int, ...]
    blades: tuple[tuple[float, ...], ...] = ()
    silhouette: float | None = None


@dataclass(frozen=True)
class RankedCells:
    """How many inputs lie in the fullest cell, the second, …: some of the ranks, from 1."""

    ranks: tuple[int, ...]
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class CellRanks:
    """Cells by number of inputs, of tests and of training inputs, each in an order of its own."""

    tests: RankedCells
    training: RankedCells


@dataclass(frozen=True)
class ListedCell:
    """A cell: the cluster of each neuron, counted from 0, and the inputs in it.

    Attributes:
        clusters: in the order of the neurons.
        training: training inputs.
        tests: tests.
        label: class whose clusters they are; None where all classes share theirs.
    """

    clusters: tuple[int, ...]
    training: int
    tests: int
    label: int | None = None


@dataclass(frozen=True)
class ListedCells:
    """A few of the cells that some input reaches, the fullest first.

    Attributes:
        fullest: of most inputs.
        without_tests: of most training inputs, and no test.
        without_training: of most tests, and no training input.
    """

    fullest: tuple[ListedCell, ...]
    without_tests: tuple[ListedCell, ...]
    without_training: tuple[ListedCell, ...]
