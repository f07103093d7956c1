"""Which neurons to observe when no importance is known: those that separate the classes.

Importance needs the network; activations and labels alone give the share of a neuron's variance
that lies between classes:

    η² = Σ_c N_c (mean_c − mean)² / Σ_x (a(x) − mean)²        in [0, 1]

Without labels it is the mean silhouette of the neuron's two clusters on at most 1,000 inputs: how
clearly it is either low or high. Constant neurons come last either way. As published selections
do, the last of several layers is left out: its units are the classes.
"""

from __future__ import annotations

import numpy as np
import torch

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.coverage.clusters.clustering import cluster, refuse_what_is_not_finite
from imprint.neurons.activations import ActivationTable, Layers

INPUTS_WITHOUT_LABELS = 1000


def strongest(scores: FloatArray, count: int, layers: Layers) -> IntArray:
    """Return the neurons of the highest scores, the highest first; equal ones by their place.

    Those of the last layer are left out unless it is the only one, or the others are too few.

    Args:
        scores: float64 ``[neurons]``; NaN counts as lowest.
        count: how many; all of them where there are fewer.
        layers: of the network.
    """
    ranked = np.where(np.isnan(scores), -np.inf, scores)
    order = np.argsort(-ranked, kind="stable")
    last = layers.neurons - layers.widths[-1]
    inner = order[order < last]
    chosen = inner if len(inner) >= count else order
    return np.asarray(chosen[:count], dtype=np.int64)


def separation(train: ActivationTable) -> FloatArray:
    """Return how well each neuron separates the classes (or low from high), ``[neurons]``.

    Raises:
        ImprintError: activations that are not finite.
    """
    if train.labels is not None and len(np.unique(train.labels)) > 1:
        return between_class_share(train)
    step = -(-len(train) // INPUTS_WITHOUT_LABELS)
    clusterings = cluster(np.asarray(train.values[::step], dtype=train.precision), 2)
    return np.array([-1.0 if each.silhouette is None else each.silhouette for each in clusterings])


def between_class_share(train: ActivationTable) -> FloatArray:
    """Return η² of each neuron, float64 ``[neurons]``; −1 of a constant one.

    Raises:
        ImprintError: activations that are not finite.
    """
    assert train.labels is not None
    classes, which = np.unique(train.labels, return_inverse=True)
    counts = torch.from_numpy(np.bincount(which)).double()[:, None]
    # About the first input, so that the sums keep the digits of the spread.
    origin = torch.from_numpy(np.asarray(train.values[:1], dtype=np.float64))
    sums = torch.zeros(len(classes), train.layers.neurons, dtype=torch.float64)
    square = torch.zeros(train.layers.neurons, dtype=torch.float64)
    done = 0
    for batch in train.batches():
        refuse_what_is_not_finite(batch.values.numpy())
        values = batch.values.double() - origin
        sums.index_add_(0, torch.from_numpy(which[done : done + len(batch)]), values)
        square += (values**2).sum(0)
        done += len(batch)
    mean = sums.sum(0) / done
    total = square - done * mean**2
    between = (counts * (sums / counts - mean) ** 2).sum(0)
    varies = total > 1e-12 * square
    share = torch.where(varies, between / torch.where(varies, total, 1.0), -1.0)
    return np.asarray(share.clamp(max=1).numpy())
