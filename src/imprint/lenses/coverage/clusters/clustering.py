"""Clusters of each neuron's activations on training data, as thresholds.

Exact 1-D k-means (:mod:`imprint.lenses.coverage.clusters.partition`) for a given k, or for the k
in 2 … 9 of the greatest mean silhouette, the least such k. Equal values are one value with a
weight. Thresholds are the mid-points of neighbouring centres and a value's cluster is how many
thresholds are at or below it. A neuron that never changes has one cluster, and so no part in the
number of cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.partition import best_cuts, inertia, sorted_values
from imprint.lenses.coverage.clusters.silhouette import mean_silhouettes

MAX_CLUSTERS = 9
VALUES_A_TURN = 40_000


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of one neuron's activations.

    Attributes:
        thresholds: float64 ``[k − 1]``, ascending; between clusters.
        centres: float64 ``[k]``, means of the clusters, ascending.
        counts: int64 ``[k]``, training inputs in each.
        silhouette: their mean silhouette; None of one cluster, which has none.
        inertia: sum of squared distances to the centres.
    """

    thresholds: FloatArray
    centres: FloatArray
    counts: IntArray
    silhouette: float | None
    inertia: float

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        return len(self.centres)

    def assign(self, values: ArrayLike) -> IntArray:
        """Return the cluster of each value: how many thresholds are at or below it."""
        return np.asarray(np.searchsorted(self.thresholds, values, side="right"), dtype=np.int64)


def cluster(values: ArrayLike, clusters: int = 0) -> tuple[Clustering, ...]:
    """Cluster the activations of every neuron by exact k-means.

    A neuron with fewer different values than clusters gets one for each value.

    >>> clusterings = cluster([[0.0, 5.0], [1.0, 5.0], [10.0, 5.0]], clusters=2)
    >>> clusterings[0].thresholds.tolist(), clusterings[0].counts.tolist(), clusterings[1].clusters
    ([5.25], [2, 1], 1)

    Args:
        values: ``[n, m]``, of n inputs and m neurons.
        clusters: of each neuron; 0 chooses 2 … 9 by silhouette.

    Raises:
        ImprintError: no inputs, values that are not finite, or clusters out of range.
    """
    table = np.asarray(values)
    if table.ndim != 2 or not len(table):
        raise ImprintError(f"activations must be [n, m], n ≥ 1, got shape {list(table.shape)}")
    if clusters < 0:
        raise ImprintError(f"clusters is {clusters}: it must be 0 (by silhouette) or more")
    refuse_what_is_not_finite(table)
    return tuple(
        clustering for turn in _turns(table) for clustering in _cluster_turn(turn, clusters)
    )


def refuse_what_is_not_finite(values: ArrayLike) -> None:
    """Raise unless every activation is finite.

    Raises:
        ImprintError: how many are not, and in how many neurons.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        raise ImprintError(
            f"{int(bad.sum())} activations of {int(bad.any(axis=0).sum())} neurons are NaN or "
            "infinite: look for an overflow (float16 ends at 65504), or leave such inputs out"
        )


def _turns(table: FloatArray) -> Iterator[FloatArray]:
    """Yield some neurons at a time: as many as stay in the cache together."""
    width = max(1, VALUES_A_TURN // len(table))
    for start in range(0, table.shape[1], width):
        yield np.asarray(table[:, start : start + width], dtype=np.float64)


def _cluster_turn(columns: FloatArray, clusters: int) -> list[Clustering]:
    means = columns.mean(axis=0)
    different = [
        np.unique(column, return_counts=True) for column in np.ascontiguousarray(columns.T)
    ]
    most = clusters or MAX_CLUSTERS
    clusterings: list[Clustering | None] = [None] * len(different)
    # Neurons of about as many different values go together: their tables have one width.
    sizes = [len(values) for values, _ in different]
    alike = [(min(most, size), size.bit_length()) for size in sizes]
    for top, bits in sorted(set(alike)):
        chosen = [place for place, kind in enumerate(alike) if kind == (top, bits)]
        turn = _best([different[place] for place in chosen], means[chosen], top, bool(clusters))
        for place, clustering in zip(chosen, turn, strict=True):
            clusterings[place] = clustering
    return [clustering for clustering in clusterings if clustering is not None]


def _best(
    different: list[tuple[FloatArray, IntArray]], means: FloatArray, top: int, is_fixed: bool
) -> list[Clustering]:
    """Return the clusters of neurons with ``top`` different values or more."""
    if top == 1:
        return [_one_cluster(values, counts) for values, counts in different]
    data = sorted_values(
        [values - mean for (values, _), mean in zip(different, means, strict=True)],
        [counts.astype(np.float64) for _, counts in different],
    )
    cuts = best_cuts(data, top)
    tried = [cuts[-1]] if is_fixed else cuts
    # Values too near each other for the digits of their sums can leave a cluster empty.
    with np.errstate(invalid="ignore", divide="ignore"):
        silhouettes = np.stack([mean_silhouettes(data, cut) for cut in tried])
    silhouettes[~np.isfinite(silhouettes)] = -1
    costs = np.stack([inertia(data, cut) for cut in tried])
    choice = silhouettes.argmax(axis=0)
    return [
        _clustering(*pair, tried[best][place], float(silhouettes[best, place]), costs[best, place])
        for place, (pair, best) in enumerate(zip(different, choice.tolist(), strict=True))
    ]


def _clustering(
    values: FloatArray, counts: IntArray, cuts: IntArray, silhouette: float, cost: float
) -> Clustering:
    starts = np.union1d(0, cuts[cuts < len(values)])
    inside = np.add.reduceat(counts, starts)
    # About the middle value, so that the sum keeps the digits of the spread.
    middle = values[len(values) // 2]
    centres = middle + np.add.reduceat(counts * (values - middle), starts) / inside
    return Clustering((centres[:-1] + centres[1:]) / 2, centres, inside, silhouette, float(cost))


def _one_cluster(values: FloatArray, counts: IntArray) -> Clustering:
    inputs = counts.sum()
    centre = values[0] + counts @ (values - values[0]) / inputs
    cost = float(counts @ (values - centre) ** 2)
    return Clustering(np.empty(0), np.array([centre]), np.array([inputs]), None, cost)
