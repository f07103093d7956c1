"""Cell coverage of parts: of each class of inputs, each layer, and each third of the depth.

From kept activations alone. The coverage over scopes is the mean of theirs: every scope counts the
same, however many cells it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cells import CellCoverage, Cells, coverage
from imprint.lenses.coverage.clusters.clusterers import cluster_neurons
from imprint.lenses.coverage.clusters.clustering import Clustering
from imprint.neurons.activations import ActivationTable

BOUNDARY_OFFSET = 0.01


def by_class(
    cells: Cells, test: ActivationTable, neurons: IntArray, train: ActivationTable | None = None
) -> dict[int, CellCoverage]:
    """Return the coverage by the inputs of each class, of cells that all classes share.

    Args:
        cells: of the neurons.
        test: activations with labels.
        neurons: int64 ``[m]``.
        train: activations of training data, to count the cells that those of the class reach.

    Raises:
        ImprintError: labels that are missing.
    """
    if test.labels is None or (train is not None and train.labels is None):
        raise ImprintError("coverage of each class needs labels")
    codes = cells.codes(torch.from_numpy(test.columns(neurons)))
    known = None if train is None else cells.codes(torch.from_numpy(train.columns(neurons)))
    coverages = {}
    for name in np.unique(test.labels).tolist():
        same = None
        if known is not None and train is not None and train.labels is not None:
            own = train.labels == name
            if not own.any():
                raise ImprintError(
                    f"class {name} has test inputs but no training inputs: give some, or leave its "
                    "tests out"
                )
            same = known[torch.from_numpy(own)]
        rows = torch.from_numpy(test.labels == name)
        coverages[int(name)] = coverage(codes[rows], cells.total, same)
    return coverages


def by_scope(
    train: ActivationTable,
    test: ActivationTable,
    scores: FloatArray,
    scopes: Mapping[str, Sequence[str]],
    m: int,
    k: int,
    clusterer: str = "exact",
) -> dict[str, CellCoverage]:
    """Return the coverage of the m most important neurons of each scope.

    Args:
        train: activations to cluster.
        test: activations to measure.
        scores: importance ``[neurons]``.
        scopes: layers of each scope, as of :func:`each_layer` and :func:`depth_groups`.
        m: neurons of each scope; all where it has fewer.
        k: clusters of each neuron; 0 chooses by silhouette.
        clusterer: of each neuron; see
            :func:`imprint.lenses.coverage.clusters.clusterers.cluster_neurons`.
    """
    coverages = {}
    for name, layers in scopes.items():
        inside = np.concatenate(
            [np.arange(train.layers.neurons)[train.layers.slices[layer]] for layer in layers]
        )
        ranked = np.where(np.isnan(scores[inside]), -np.inf, scores[inside])
        neurons = inside[np.argsort(-ranked, kind="stable")[:m]]
        known, tested = train.columns(neurons), test.columns(neurons)
        cells = Cells.of(cluster_neurons(known, k, clusterer))
        codes = cells.codes(torch.from_numpy(tested))
        coverages[name] = coverage(codes, cells.total, cells.codes(torch.from_numpy(known)))
    return coverages


def each_layer(names: Sequence[str]) -> dict[str, list[str]]:
    """Return every layer as a scope of its own."""
    return {name: [name] for name in names}


def depth_groups(names: Sequence[str], groups: int = 3) -> dict[str, list[str]]:
    """Return runs of layers of about equal length, the first ones longer.

    >>> depth_groups(["a", "b", "c", "d"])
    {'a … b': ['a', 'b'], 'c': ['c'], 'd': ['d']}

    Raises:
        ImprintError: fewer than one group.
    """
    if groups < 1:
        raise ImprintError(f"groups is {groups}: there must be at least 1")
    runs = [run.tolist() for run in np.array_split(np.array(names, dtype=object), groups)]
    return {run[0] if len(run) == 1 else f"{run[0]} … {run[-1]}": run for run in runs if run}


def mean_coverage(coverages: Mapping[Any, CellCoverage]) -> float:
    """Return the mean coverage over scopes."""
    return float(np.mean([each.value for each in coverages.values()]))


def boundary_aware(
    scores: ArrayLike, values: ArrayLike, clusterings: Sequence[Clustering]
) -> FloatArray:
    """Return importance that counts more where inputs lie near thresholds, float64 ``[m]``.

    s_j · mean over inputs of 1/(distance to the nearest threshold + 0.01); 0 of one cluster.

    Args:
        scores: importance ``[m]``.
        values: activations of training data ``[n, m]``.
        clusterings: of the m neurons.
    """
    columns = np.asarray(values, dtype=np.float64)
    nearness = np.zeros(columns.shape[1])
    for neuron, clustering in enumerate(clusterings):
        if clustering.clusters > 1:
            column, above = columns[:, neuron], clustering.assign(columns[:, neuron])
            ends = np.concatenate([[-np.inf], clustering.thresholds, [np.inf]])
            distance = np.minimum(column - ends[above], ends[above + 1] - column)
            nearness[neuron] = (1 / (distance + BOUNDARY_OFFSET)).mean()
    return np.asarray(scores, dtype=np.float64) * nearness
