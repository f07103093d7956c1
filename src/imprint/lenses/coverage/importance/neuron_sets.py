"""Sets of neurons to take away: the most important ones, and random ones to compare them with.

Random sets are of two kinds. From anywhere, every hidden neuron is as likely as any other. Matched
sets have as many neurons of each layer as the set they are compared with, so that a layer whose
neurons matter more, a narrow one say, does not pass for a good choice of neurons. Sets of one draw
are nested: a smaller one is part of a larger one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.neurons.activations import Layers


@dataclass(frozen=True, eq=False)
class HiddenNeurons:
    """The neurons that may be taken away: all but those of the last layer.

    Attributes:
        layers: of the network.
        rows: int64 ``[h]``, numbered among all.
        layer_of: int64 ``[neurons]``, the layer of each.
    """

    layers: Layers
    rows: IntArray
    layer_of: IntArray

    @classmethod
    def of(cls, layers: Layers) -> HiddenNeurons:
        """Return those of a network.

        Raises:
            ImprintError: its last layer is its only one.
        """
        if len(layers.names) < 2:
            raise ImprintError("the network has no hidden layer whose neurons could be ablated")
        layer_of = np.repeat(np.arange(len(layers.widths)), layers.widths)
        rows = np.flatnonzero(layer_of < len(layers.widths) - 1)
        return cls(layers, rows, layer_of)

    def among(self, chosen: Sequence[int]) -> HiddenNeurons:
        """Return those of some layers, numbered from 0.

        Raises:
            ImprintError: none of them is hidden.
        """
        rows = self.rows[np.isin(self.layer_of[self.rows], list(chosen))]
        if not len(rows):
            raise ImprintError("none of the chosen layers is hidden: choose others with --layers")
        return self.only(rows)

    def only(self, rows: IntArray) -> HiddenNeurons:
        """Return some of them, numbered among all neurons."""
        return HiddenNeurons(self.layers, rows, self.layer_of)


def leading_sets(scores: FloatArray, hidden: HiddenNeurons, counts: Sequence[int]) -> IntArray:
    """Return the neurons of the highest scores, the highest first, int64 ``[max(counts)]``.

    Args:
        scores: float64 ``[neurons]``; NaN for none.
        hidden: among which.
        counts: sizes of the sets.

    Raises:
        ImprintError: a set has more neurons than have scores.
    """
    known = hidden.rows[~np.isnan(scores[hidden.rows])]
    most = max(counts)
    if most > len(known):
        raise ImprintError(
            f"--top-counts {most} is more than the {len(known)} hidden neurons that have scores: "
            "take fewer, or more --importance-records"
        )
    order = np.argsort(-scores[known], kind="stable")
    return np.asarray(known[order[:most]], dtype=np.int64)


def random_neurons(hidden: HiddenNeurons, most: int, random: np.random.Generator) -> IntArray:
    """Return hidden neurons in random order, int64 ``[most]``."""
    return random.permutation(hidden.rows)[:most].astype(np.int64)


def matched_neurons(
    leading: IntArray, hidden: HiddenNeurons, random: np.random.Generator
) -> IntArray:
    """Return random neurons, the i-th of the layer of the i-th leading one, all different."""
    matched = np.empty_like(leading)
    layers = hidden.layer_of[leading]
    for layer in np.unique(layers):
        places = np.flatnonzero(layers == layer)
        members = hidden.rows[hidden.layer_of[hidden.rows] == layer]
        matched[places] = random.permutation(members)[: len(places)]
    return matched


def keep_without(neurons: IntArray, counts: Sequence[int], total: int) -> BoolArray:
    """Return which neurons stay without the first of a list, bool ``[len(counts), total]``."""
    keep = np.ones((len(counts), total), dtype=bool)
    for row, count in enumerate(counts):
        keep[row, neurons[:count]] = False
    return keep
