"""Sign-sign cover: one sign change alone flips another in the next layer (Sun et al. 2018).

A pair (i, j) of neurons of adjacent layers is covered by two inputs if neuron i has different signs
for them, all other neurons of its layer the same signs, and neuron j different signs. A sign is
positive where the activation exceeds 0. The value is the share of all such pairs, Σ_l A_l·A_{l+1}.

Layers are adjacent in the order in which inputs pass them. In wide layers few pairs of inputs
differ in one sign alone: expect values near 0 there.

State: one bit per neuron and distinct input. The pairs are searched when the value is read, and
found again only after further inputs: n look-ups an input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion, criterion
from imprint.lenses.coverage.criterion.sign_patterns import Bits, Pairs, SignPatterns
from imprint.neurons.activations import Batch, Layers


@dataclass(frozen=True)
class SignSignOptions:
    """Sign-sign cover has no settings."""


@dataclass(frozen=True, eq=False)
class _Step:
    """Two adjacent layers: their patterns, and which pairs of neurons are covered.

    Attributes:
        patterns: of the first layer, with the signs of the second.
        covered: packed bits ``[width, bytes of the second layer]``.
    """

    patterns: SignPatterns
    covered: Bits


@criterion("ssc", "signs of neighbouring layers that flip together")
class SignSignCover(Criterion):
    """Share of neuron pairs of adjacent layers where one sign alone turns the other."""

    Options = SignSignOptions
    without_interval = (
        "pairs of inputs set it, and in simulations a jackknife over groups covered its expected "
        "value in 90 % of sets only"
    )

    def __init__(self, layers: Layers, options: Any = None) -> None:
        if len(layers.widths) < 2:
            raise ImprintError(
                "ssc compares each layer with the next, and there is only one: observe more layers"
            )
        widths = layers.widths
        self.pairs = sum(width * following for width, following in pairwise(widths))
        self.bytes = [(width + 7) // 8 for width in widths]
        super().__init__(layers, options)

    def reset(self) -> None:
        """See nothing yet."""
        self.signs: list[Bits] = []
        self._steps: list[_Step] | None = None

    def add(self, batch: Batch) -> None:
        """Keep the signs of the batch."""
        self.signs.append(self._pack(batch))
        self._steps = None

    def join(self, other: SignSignCover) -> None:
        """Keep the signs that the other one saw."""
        self.signs = [*self.signs, *other.signs]
        self._steps = None

    def _pack(self, batch: Batch) -> Bits:
        """Return the signs of all layers side by side, each filled up to whole bytes."""
        positive = (batch.values > 0).cpu().numpy()
        ends = np.cumsum((0, *self.layers.widths)).tolist()
        parts = [np.packbits(positive[:, start:end], axis=1) for start, end in pairwise(ends)]
        return np.concatenate(parts, axis=1)

    def _by_layer(self, signs: Bits) -> list[Bits]:
        return np.split(signs, np.cumsum(self.bytes)[:-1], axis=1)

    def steps(self) -> list[_Step]:
        """Return patterns and covered pairs of each two adjacent layers."""
        if self._steps is None:
            self.signs = [_distinct(self._seen())]
            layers, widths = self._by_layer(self.signs[0]), self.layers.widths
            self._steps = [
                _cover(SignPatterns.of(width, own, following))
                for width, own, following in zip(widths, layers, layers[1:], strict=False)
            ]
        return self._steps

    def _seen(self) -> Bits:
        return np.concatenate([np.zeros((0, sum(self.bytes)), dtype=np.uint8), *self.signs])

    def gain(self, batch: Batch) -> Tensor:
        """Return by how much each input alone would raise the value, float64 ``[b]``."""
        new = np.zeros(len(batch), dtype=np.int64)
        layers = self._by_layer(self._pack(batch))
        for step, own, following in zip(self.steps(), layers, layers[1:], strict=False):
            for pairs in step.patterns.neighbours(own):
                turned = _turned(step.patterns, pairs, following, ~following)
                fresh = turned & ~step.covered[pairs.neurons]
                np.add.at(new, pairs.rows, np.bitwise_count(fresh).sum(1, dtype=np.int64))
        return torch.from_numpy(new / self.pairs).to(batch.values.device)

    def value(self) -> float:
        """Return the share of pairs that are covered."""
        covered = sum(int(np.bitwise_count(step.covered).sum()) for step in self.steps())
        return covered / self.pairs

    def ceiling(self, inputs: int) -> float:
        """Return the share of pairs that a number of inputs can cover.

        N sign patterns can differ one from another in N − 1 single neurons at most: edges of a
        cube in as many directions, one of each taken, form no cycle.
        """
        widths, turns = self.layers.widths, max(0, inputs - 1)
        steps = pairwise(widths)
        return sum(min(width, turns) * following for width, following in steps) / self.pairs

    def tensors(self) -> dict[str, Tensor]:
        """Return the distinct signs as packed bits."""
        return {"signs": torch.from_numpy(_distinct(self._seen()))}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the signs."""
        self.signs, self._steps = [state["signs"].cpu().numpy()], None


def _cover(patterns: SignPatterns) -> _Step:
    """Find the pairs of neurons that the patterns cover."""
    covered = np.zeros((patterns.width, patterns.positive.shape[1]), dtype=np.uint8)
    for pairs in patterns.neighbours(patterns.patterns):
        turned = _turned(patterns, pairs, patterns.positive, patterns.negative)
        order = np.argsort(pairs.neurons, kind="stable")
        neurons, starts = np.unique(pairs.neurons[order], return_index=True)
        if len(neurons):
            covered[neurons] |= np.bitwise_or.reduceat(turned[order], starts, axis=0)
    return _Step(patterns, covered)


def _turned(patterns: SignPatterns, pairs: Pairs, positive: Bits, negative: Bits) -> Bits:
    """Return which neurons of the next layer have different signs in each pair of patterns."""
    rows, known = pairs.rows, pairs.patterns
    to_negative = positive[rows] & patterns.negative[known]
    return to_negative | (negative[rows] & patterns.positive[known])


def _distinct(signs: Bits) -> Bits:
    """Return the distinct rows, sorted."""
    rows = np.ascontiguousarray(signs).view(f"V{signs.shape[1]}").ravel()
    unique: NDArray[Any] = np.unique(rows)
    return unique.view(np.uint8).reshape(-1, signs.shape[1])
