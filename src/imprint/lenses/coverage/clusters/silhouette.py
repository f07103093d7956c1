"""The silhouettes of clusters on a line, and their mean, in closed form.

For a value x in cluster [u, v) of sorted values, with n_c inputs in it,

    a = Σ |x − x'| over the cluster / (n_c − 1),   b = min(x − mean_left, mean_right − x)
    s = (b − a) / max(a, b), and 0 for a cluster of one input        (Rousseeuw 1987)

The nearest other cluster is the next one on either side, and Σ |x − x'| follows from prefix sums:
O(n) after sorting instead of O(n²).
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.coverage.clusters.partition import SortedValues, edges


def mean_silhouettes(data: SortedValues, cuts: IntArray) -> FloatArray:
    """Return the mean silhouette over the inputs of each neuron, float64 ``[p]`` in [−1, 1].

    Args:
        data: of p neurons.
        cuts: int64 ``[p, k − 1]``, k ≥ 2: where each cluster but the first starts; ascending.
    """
    silhouette, inputs, _ = _silhouettes(data, cuts)
    silhouette *= data.weights
    starts = data.starts - np.arange(len(data.starts))
    alone = (inputs == 1).sum(axis=1)
    # An input alone in its cluster came out as 1: its own distances are 0.
    result: FloatArray = (np.add.reduceat(silhouette, starts) - alone) / inputs.sum(axis=1)
    return result


def silhouettes(data: SortedValues, cuts: IntArray) -> FloatArray:
    """Return the silhouette of every different value, float64 ``[Σ n_p]`` in [−1, 1].

    Args:
        data: of p neurons.
        cuts: as of :func:`mean_silhouettes`; every cluster has a value.
    """
    silhouette, inputs, sizes = _silhouettes(data, cuts)
    return np.where(np.repeat(inputs.ravel(), sizes) == 1, 0.0, silhouette)


def _silhouettes(data: SortedValues, cuts: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return silhouettes, inputs of each cluster ``[p, k]``, and different values ``[p · k]``.

    The silhouette of an input alone in its cluster comes out as 1 in place of 0.
    """
    borders = edges(data, cuts)
    sizes = np.diff(borders, axis=1).ravel()
    inputs, total = np.diff(data.count[borders], axis=1), np.diff(data.total[borders], axis=1)
    mean = total / inputs
    beyond = np.full((len(cuts), 1), np.inf)
    left = np.concatenate([-beyond, mean[:, :-1]], axis=1)
    right = np.concatenate([mean[:, 1:], beyond], axis=1)

    def spread(clusters: FloatArray) -> FloatArray:
        return np.repeat(clusters.ravel(), sizes)

    values = data.values
    within = values * (data.count_twice - spread(_ends(data.count[borders])))
    within += spread(_ends(data.total[borders]))
    within -= data.total_twice
    within *= spread(1 / np.maximum(inputs - 1, 1))
    other = np.minimum(values - spread(left), spread(right) - values)
    silhouette = (other - within) / np.maximum(other, within)
    return silhouette, inputs, sizes


def _ends(borders: FloatArray) -> FloatArray:
    return borders[:, :-1] + borders[:, 1:]
