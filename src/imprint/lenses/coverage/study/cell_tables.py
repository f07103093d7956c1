"""Tables of cells and of the clusters of neurons, beside the findings of ``coverage measure``.

``cells.parquet`` has a row per cell that some input reaches, ``clusters.parquet`` one per cluster
of a neuron, ``activations.parquet`` one per bin of a neuron's activations.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.lenses.coverage.cell_findings import ClusteredNeuron
from imprint.lenses.coverage.measure.cell_details import CellDetails
from imprint.study.tables import write_table

Columns = dict[str, NDArray[np.generic]]


def write_cell_tables(folder: Path, details: Mapping[str, CellDetails]) -> None:
    """Write the tables of criteria, by name, into a folder; none of none."""
    if not details:
        return
    write_table(folder / "cells.parquet", _cells(details), CELL_MEANINGS)
    neurons = {name: each.neurons for name, each in details.items() if each.neurons is not None}
    if neurons:
        write_table(folder / "clusters.parquet", _clusters(neurons), CLUSTER_MEANINGS)
        write_table(folder / "activations.parquet", _activations(neurons), BIN_MEANINGS)


CELL_MEANINGS = {
    "clusters": "cluster of each neuron from 0, in the order of the neurons",
    "class": "whose clusters they are; -1 where all classes share theirs",
    "training": "training inputs in the cell",
    "tests": "tests in the cell",
}
CLUSTER_MEANINGS = {
    "low": "threshold below the cluster; minus infinity of the first",
    "high": "threshold above it; infinity of the last",
    "training": "training inputs in the cluster",
    "silhouette": "mean over all training inputs of the neuron; NaN of one cluster",
}
BIN_MEANINGS = {
    "low": "lower end of the bin, an activation",
    "high": "upper end",
    "training": "training inputs in the bin",
    "tests": "tests in the bin",
}


def _cells(details: Mapping[str, CellDetails]) -> Columns:
    tables = {name: each.cells for name, each in details.items()}
    sizes = [len(table.tests) for table in tables.values()]
    spelled = [
        " ".join(map(str, row)) for each in tables.values() for row in each.clusters.tolist()
    ]
    return {
        "index": np.arange(sum(sizes)),
        "criterion": np.repeat(np.array(list(tables), dtype=np.str_), sizes),
        "class": np.concatenate([each.labels for each in tables.values()]).astype(np.int64),
        "clusters": np.array(spelled, dtype=np.str_),
        "training": np.concatenate([each.training for each in tables.values()]),
        "tests": np.concatenate([each.tests for each in tables.values()]),
    }


def _clusters(neurons: Mapping[str, tuple[ClusteredNeuron, ...]]) -> Columns:
    ends = [
        np.array([-np.inf, *each.thresholds, np.inf]) for part in neurons.values() for each in part
    ]
    means = [
        np.nan if each.silhouette is None else each.silhouette
        for part in neurons.values()
        for each in part
    ]
    counts = [len(each) - 1 for each in ends]
    return _by_neuron(neurons, counts) | {
        "cluster": np.concatenate([np.arange(each) for each in counts]),
        "low": np.concatenate([each[:-1] for each in ends]),
        "high": np.concatenate([each[1:] for each in ends]),
        "training": np.concatenate([each.sizes for part in neurons.values() for each in part]),
        "silhouette": np.repeat(means, counts),
    }


def _activations(neurons: Mapping[str, tuple[ClusteredNeuron, ...]]) -> Columns:
    chosen = [each for part in neurons.values() for each in part]
    counts = [len(each.training) for each in chosen]
    edges = [
        np.linspace(each.low, each.high, count + 1)
        for each, count in zip(chosen, counts, strict=True)
    ]
    return _by_neuron(neurons, counts) | {
        "low": np.concatenate([each[:-1] for each in edges]),
        "high": np.concatenate([each[1:] for each in edges]),
        "training": np.concatenate([each.training for each in chosen]),
        "tests": np.concatenate([each.tests for each in chosen]),
    }


def _by_neuron(neurons: Mapping[str, tuple[ClusteredNeuron, ...]], counts: list[int]) -> Columns:
    """Return columns that name criterion, rank and neuron, each as often as counts say."""
    chosen = [
        (name, rank, each) for name, part in neurons.items() for rank, each in enumerate(part, 1)
    ]
    return {
        "index": np.arange(sum(counts)),
        "criterion": np.repeat(np.array([name for name, _, _ in chosen], dtype=np.str_), counts),
        "rank": np.repeat(np.array([rank for _, rank, _ in chosen]), counts),
        "layer": np.repeat(np.array([each.layer for _, _, each in chosen], dtype=np.str_), counts),
        "neuron": np.repeat(np.array([each.neuron for _, _, each in chosen]), counts),
    }
