"""Clusterers other than exact k-means, from scikit-learn, turned into thresholds.

Each is given the activations of one neuron. Where its clusters are intervals, a threshold lies
half-way between the last value of one and the first of the next, so that every training input
keeps its cluster. Whose clusters are not intervals is refused: it has no thresholds.

Add one: a line in ``CLUSTERERS``. Those that compare all pairs see at most ``MOST_INPUTS`` values,
evenly spaced in order of size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.coverage.clusters.clustering import (
    Clustering,
    cluster,
    refuse_what_is_not_finite,
)

MOST_INPUTS = 2000
SEED_BITS = 2**31

Fit = Callable[[FloatArray, int, Mapping[str, Any]], IntArray]
"""Values ``[n, 1]``, a seed and parameters in; the cluster of each value ``[n]`` out."""


def _from_library(name: str, seeded: bool = False) -> Fit:
    def fit(values: FloatArray, seed: int, parameters: Mapping[str, Any]) -> IntArray:
        from sklearn import cluster as library
        from sklearn.exceptions import ConvergenceWarning

        extra = {"random_state": derive(seed, "clusters", name) % SEED_BITS} if seeded else {}
        try:
            with warnings.catch_warnings():
                # Fewer clusters than requested are fine; none at all is refused below.
                warnings.simplefilter("ignore", ConvergenceWarning)
                fitted = getattr(library, name)(**extra, **parameters).fit(values)
        except (TypeError, ValueError) as error:
            raise ImprintError(f"{name} with {dict(parameters)}: {error}") from error
        labels = np.asarray(fitted.labels_, dtype=np.int64)
        if labels.min() < 0:
            raise ImprintError(f"{name} with {dict(parameters)} did not converge")
        return labels

    return fit


def _one_cell(values: FloatArray, seed: int, parameters: Mapping[str, Any]) -> IntArray:
    return np.zeros(len(values), dtype=np.int64)


CLUSTERERS: dict[str, Fit] = {
    "KMeans": _from_library("KMeans", seeded=True),
    "MiniBatchKMeans": _from_library("MiniBatchKMeans", seeded=True),
    "BisectingKMeans": _from_library("BisectingKMeans", seeded=True),
    "MeanShift": _from_library("MeanShift"),
    "AffinityPropagation": _from_library("AffinityPropagation", seeded=True),
    "Birch": _from_library("Birch"),
    "OneCell": _one_cell,
}
COUNTED = ("KMeans", "MiniBatchKMeans", "BisectingKMeans", "Birch")
"""Those that take the number of clusters."""
ALL_PAIRS = ("MeanShift", "AffinityPropagation")


def cluster_by(
    name: str, values: ArrayLike, seed: int = 0, **parameters: Any
) -> tuple[Clustering, ...]:
    """Cluster the activations of every neuron by a named clusterer.

    >>> clusterings = cluster_by("MeanShift", [[0.0], [1.0], [10.0]], bandwidth=2.0)
    >>> clusterings[0].thresholds.tolist(), clusterings[0].silhouette
    ([5.5], None)

    Args:
        name: ``"exact"``, with ``clusters``, or one of ``CLUSTERERS``.
        values: ``[n, m]``, of n inputs and m neurons.
        seed: of clusterers that draw.
        parameters: of the clusterer, in scikit-learn's names.

    Returns:
        Clusters without silhouette, but for ``"exact"``.

    Raises:
        ImprintError: no such clusterer, parameters that it refuses, clusters that are no
            intervals, or activations that are not finite.
    """
    if name == "exact":
        return cluster(values, **parameters)
    if name not in CLUSTERERS:
        raise ImprintError(
            f"unknown clusterer {name!r}: choose one of exact, {', '.join(CLUSTERERS)}"
        )
    refuse_what_is_not_finite(values)
    columns = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    if name in ALL_PAIRS and len(columns) > MOST_INPUTS:
        columns = columns[np.linspace(0, len(columns) - 1, MOST_INPUTS).round().astype(np.int64)]
    return tuple(_intervals(name, column, seed, parameters) for column in columns.T)


def cluster_neurons(
    values: ArrayLike, clusters: int, clusterer: str = "exact"
) -> tuple[Clustering, ...]:
    """Cluster the activations of every neuron by a named clusterer into a number of clusters.

    Args:
        values: ``[n, m]``.
        clusters: of each neuron; 0 chooses by silhouette, of exact clusters alone. Clusterers that
            find their own number ignore it.
        clusterer: as of :func:`cluster_by`.

    Raises:
        ImprintError: as :func:`cluster_by`, or a number that the clusterer cannot choose.
    """
    if clusterer == "exact":
        return cluster(values, clusters)
    if clusterer not in COUNTED:
        return cluster_by(clusterer, values)
    if not clusters:
        raise ImprintError(f"{clusterer} cannot choose its number of clusters: give k above 0")
    return cluster_by(clusterer, values, n_clusters=clusters)


def _intervals(
    name: str, column: FloatArray, seed: int, parameters: Mapping[str, Any]
) -> Clustering:
    if column[0] == column[-1]:
        labels = np.zeros(len(column), dtype=np.int64)
    else:
        labels = CLUSTERERS[name](np.ascontiguousarray(column[:, None]), seed, parameters)
    starts = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    if len(starts) > len(np.unique(labels)):
        raise ImprintError(
            f"{name} with {dict(parameters)} gives clusters that are not intervals: no thresholds "
            "separate them, choose other parameters or exact clusters"
        )
    counts = np.diff(starts, append=len(column))
    centres = np.add.reduceat(column, starts) / counts
    thresholds = (column[starts[1:] - 1] + column[starts[1:]]) / 2
    inertia = float(((column - np.repeat(centres, counts)) ** 2).sum())
    return Clustering(thresholds, centres, counts, None, inertia)
