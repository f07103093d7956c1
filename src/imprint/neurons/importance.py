"""Importance of neurons: one score per class and neuron, and which neurons are the most important.

The score of a neuron is the mean over inputs of what an attribution says of it, s_j = (1/N) Σ r_j;
higher is more important. Ties fall to the neuron that comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.neurons.activations import Layers

Scaling = Literal["none", "layer_sum", "layer_z", "per_position"]
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)

ALL_CLASSES = -1
"""What stands for all classes together where a class is asked for: the last row of a table."""


@dataclass(frozen=True, eq=False)
class ImportanceTable:
    """What one method says of every neuron, for the inputs of each class and for all of them.

    Attributes:
        layers: of the network, the classifier among them.
        scores: float64 ``[classes + 1, neurons]``, the last row over all inputs; NaN where there
            was nothing to average.
        counts: int64 ``[classes + 1]``, how many inputs each row is the mean of.
        positions: places that a layer's neurons were reduced over, one number per layer.
        method: of attribution.
        target: which output was explained: ``true``, ``predicted`` or ``all``.
        reduce: over places: ``sum``, ``mean`` or ``max_abs``.
        sign: ``signed``, ``abs`` or ``positive``.
        scaling: that the scores have.
        facts: worth knowing, as JSON values: hashes of model and data, the completeness gap.
    """

    layers: Layers
    scores: FloatArray
    counts: IntArray
    positions: tuple[int, ...]
    method: str
    target: str = "true"
    reduce: str = "sum"
    sign: str = "signed"
    scaling: Scaling = "none"
    facts: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.scores.shape != (len(self.counts), self.layers.neurons):
            raise ImprintError(
                f"{self.layers.neurons} neurons and {len(self.counts)} counts need scores of "
                f"shape {[len(self.counts), self.layers.neurons]}, got {list(self.scores.shape)}"
            )

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.counts) - 1

    def of(self, label: int = ALL_CLASSES) -> FloatArray:
        """Return the scores for the inputs of one class, or of all, ``[neurons]``.

        Raises:
            ImprintError: there is no such class.
        """
        if not ALL_CLASSES <= label < self.classes:
            raise ImprintError(f"no class {label}: the table has classes 0…{self.classes - 1}")
        return np.asarray(self.scores[label])

    def scaled(self, scaling: Scaling) -> ImportanceTable:
        """Return the table with other units in each layer; see :func:`scale`.

        Raises:
            ImprintError: the scores are scaled already.
        """
        if self.scaling != "none":
            raise ImprintError(
                f"the scores are scaled by {self.scaling} already: scale the raw ones"
            )
        scores = scale(self.layers, self.scores, scaling, self.positions)
        return replace(self, scores=scores, scaling=scaling)


def scale(
    layers: Layers, scores: FloatArray, scaling: Scaling, positions: Sequence[int] = ()
) -> FloatArray:
    """Return scores in units that make layers comparable.

    Args:
        layers: of the network.
        scores: float64 ``[..., neurons]``.
        scaling: ``layer_sum`` divides by the layer's Σ|s|, ``layer_z`` subtracts its mean and
            divides by its standard deviation, ``per_position`` divides by its places; a layer
            without spread or of zeros becomes all zeros.
        positions: places of each layer.
    """
    if scaling not in SCALINGS:
        raise ImprintError(f"scaling is {scaling!r}: choose one of {', '.join(SCALINGS)}")
    if scaling == "none":
        return scores
    result = np.empty_like(scores)
    for row, part in enumerate(layers.slices.values()):
        values = scores[..., part]
        if scaling == "per_position":
            result[..., part] = values / positions[row]
            continue
        if scaling == "layer_sum":
            divisor = np.abs(values).sum(axis=-1, keepdims=True)
        else:
            values = values - values.mean(axis=-1, keepdims=True)
            divisor = np.sqrt(np.square(values).mean(axis=-1, keepdims=True))
        result[..., part] = values / np.where(divisor == 0, 1.0, divisor)
    return result


@dataclass(frozen=True, eq=False)
class Selection:
    """The most important neurons, the best first.

    >>> layers = Layers(("conv", "fc"), (2, 3))
    >>> found = select(layers, np.array([1.0, 5.0, 5.0, np.nan, 2.0]), 3)
    >>> found.neurons.tolist(), found.missing, found.by_layer()
    ([1, 2, 4], 1, {'conv': [1], 'fc': [0, 2]})

    Attributes:
        layers: of the network.
        neurons: int64 ``[m]``, numbered among all.
        scores: float64 ``[m]``.
        missing: how many of the neurons to choose from have no score; they come last.
    """

    layers: Layers
    neurons: IntArray
    scores: FloatArray
    missing: int = 0

    def __len__(self) -> int:
        return len(self.neurons)

    def named(self) -> list[tuple[str, int]]:
        """Return layer and number within the layer of each neuron, the best first."""
        starts = np.cumsum((0, *self.layers.widths))
        rows = np.searchsorted(starts, self.neurons, side="right") - 1
        return [
            (self.layers.names[row], int(neuron - starts[row]))
            for row, neuron in zip(rows, self.neurons, strict=True)
        ]

    def by_layer(self) -> dict[str, list[int]]:
        """Return the numbers within each layer that has any, the best first."""
        chosen: dict[str, list[int]] = {}
        for layer, index in self.named():
            chosen.setdefault(layer, []).append(index)
        return {name: chosen[name] for name in self.layers.names if name in chosen}


def select(
    layers: Layers, scores: FloatArray, m: int, among: Sequence[str] | None = None
) -> Selection:
    """Return the m best neurons: score falling, then layer order, then index.

    Args:
        layers: of the network.
        scores: float64 ``[neurons]``; NaN counts as −∞.
        m: how many; −1 takes all, and so does an m beyond what there is.
        among: the layers to choose from; all when None.

    Raises:
        ImprintError: an m that is neither positive nor −1, or a layer that is not there.
    """
    if m < 1 and m != -1:
        raise ImprintError(f"m must be at least 1 neuron, or -1 for all, got {m}")
    allowed = neurons_of(layers, layers.names if among is None else among)
    values = scores[allowed]
    missing = np.isnan(values)
    order = np.argsort(-np.where(missing, -np.inf, values), kind="stable")
    # −∞ of its own and a missing score tie; the missing one must not win by its place.
    order = order[np.argsort(missing[order], kind="stable")]
    chosen = order if m == -1 else order[:m]
    return Selection(layers, allowed[chosen], values[chosen], int(missing.sum()))


def select_in_model(layers: Layers, scores: FloatArray, m: int) -> Selection:
    """Return the m best neurons of all layers but the last, whose units are the classes."""
    return select(layers, scores, m, hidden(layers))


def hidden(layers: Layers) -> tuple[str, ...]:
    """Return the names of all layers but the last."""
    return layers.names[:-1]


def neurons_of(layers: Layers, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the numbers among all of the neurons of some layers, rising, int64.

    Raises:
        ImprintError: there is no such layer.
    """
    slices = layers.slices
    unknown = [name for name in names if name not in slices]
    if unknown:
        raise ImprintError(f"no layer {unknown[0]!r}: the network has {', '.join(layers.names)}")
    parts = [np.arange(part.start, part.stop) for name, part in slices.items() if name in names]
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)
