"""How novel an input is: how many training inputs share its cell of behaviour.

Thresholds cut the activations of m neurons into intervals; an input's cell is its tuple of
intervals (q₁, …, q_m), q_j the number of thresholds of neuron j that are at most its activation.
With n(cell) the training inputs in it,

    novelty(x) = 1                                           where n(cell(x)) = 0,
    novelty(x) = share of training inputs in cells larger than n(cell(x))   elsewhere.

An input with an activation that is not finite is in no cell: its novelty is 1.

So an input like the training data has a novelty of at least 1 − α with a probability of about α,
and one of 1 with about the share of training inputs that are alone in their cell (Good & Turing).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.neurons.activations import ActivationTable, Layers

MOST_CELLS = 2**63 - 1
MOST_LISTED = 2**20
"""Cells up to which the novelty of every cell is kept in a list, which is one look-up."""
TILE = 2**22
"""Pairs of digits that are compared at a time."""


@dataclass(frozen=True, eq=False)
class Novelty:
    """What is said of some inputs.

    Attributes:
        novelty: float64 ``[b]`` in [0, 1].
        codes: int64 ``[b]``, the cells, as numbered by :class:`SeenCells`; −1 for none.
    """

    novelty: Tensor
    codes: Tensor


@dataclass(frozen=True, eq=False)
class SeenCells:
    """Cells that training inputs fell into.

    Attributes:
        layers: that the neurons are in.
        neurons: int64 ``[m]``, numbered among all neurons of these layers, ascending.
        thresholds: float32 ``[m, most]``, ascending, filled up with ∞.
        codes: int64 ``[cells]``, ascending: Σ_j q_j Π_{i<j} k_i with k_i intervals of neuron i.
        counts: int64 ``[cells]``, training inputs in each.

    Raises:
        ImprintError: shapes that do not fit, or more cells than can be numbered.
    """

    layers: Layers
    neurons: Tensor
    thresholds: Tensor
    codes: Tensor
    counts: Tensor

    def __post_init__(self) -> None:
        if not len(self.neurons) or self.thresholds.shape[:1] != self.neurons.shape:
            raise ImprintError(
                "a monitor needs thresholds of at least one neuron, one row per neuron"
            )
        if self.codes.shape != self.counts.shape:
            raise ImprintError("a monitor needs as many counts as cells")
        if bool((self.neurons.diff() <= 0).any()):
            raise ImprintError("the neurons of a monitor must be in ascending order, each once")
        if not 0 <= int(self.neurons.min()) <= int(self.neurons.max()) < self.layers.neurons:
            raise ImprintError(
                f"a monitor of {self.layers.neurons} neurons cannot observe neuron "
                f"{int(self.neurons.max())}"
            )
        if self.cells > MOST_CELLS:
            raise ImprintError(
                f"{len(self.neurons)} neurons have more cells than can be numbered: choose fewer"
            )

    @cached_property
    def cells(self) -> int:
        """How many cells there are, seen or not."""
        return math.prod(self.intervals.tolist())

    @cached_property
    def intervals(self) -> Tensor:
        """How many intervals each neuron has, int64 ``[m]``."""
        return 1 + torch.isfinite(self.thresholds).sum(1)

    @cached_property
    def places(self) -> Tensor:
        """Value of a step in each digit of a code, int64 ``[m]``."""
        return self.intervals.cumprod(0) // self.intervals

    @cached_property
    def levels(self) -> Tensor:
        """Novelty of each seen cell, float64 ``[cells]``."""
        sizes, groups = torch.unique(self.counts, return_inverse=True)
        shares = torch.zeros(len(sizes), dtype=torch.float64, device=self.counts.device)
        shares.index_add_(0, groups, self.counts.double())
        larger = shares.flip(0).cumsum(0).flip(0) - shares
        return (larger / self.counts.sum())[groups]

    @property
    def alone(self) -> float:
        """Share of training inputs that are alone in their cell."""
        return int((self.counts == 1).sum()) / int(self.counts.sum())

    @cached_property
    def _listed(self) -> Tensor | None:
        if self.cells > MOST_LISTED:
            return None
        every = torch.ones(self.cells + 1, dtype=torch.float64, device=self.codes.device)
        return every.index_put_((self.codes,), self.levels)

    def on(self, device: torch.device) -> SeenCells:
        """Return the same on a device."""
        parts = (self.neurons, self.thresholds, self.codes, self.counts)
        return SeenCells(self.layers, *(part.to(device) for part in parts))

    def of(self, values: Tensor) -> Novelty:
        """Return what is said of activations.

        Args:
            values: float32 ``[b, m]`` of :attr:`neurons`.
        """
        codes = self.codes_of(values)
        if self._listed is not None:
            return Novelty(self._listed[codes], codes)  # of −1 the last of the list, which is 1
        place, seen = self._find(codes)
        return Novelty(torch.where(seen, self.levels[place], 1.0), codes)

    def codes_of(self, values: Tensor) -> Tensor:
        """Return the cell of activations ``[b, m]``, int64 ``[b]``; a threshold belongs above.

        −1 where one is not finite.
        """
        codes = ((values[:, :, None] >= self.thresholds) * self.places[:, None]).sum((1, 2))
        return torch.where(torch.isfinite(values).all(1), codes, -1)

    def inputs(self, codes: Tensor) -> Tensor:
        """Return how many training inputs are in each cell, int64 ``[b]``."""
        place, seen = self._find(codes)
        return torch.where(seen, self.counts[place], 0)

    def digits(self, codes: Tensor) -> Tensor:
        """Return the interval of each neuron in each cell, int64 ``[b, m]``; −1 in none."""
        digits = codes[:, None] // self.places % self.intervals
        return torch.where(codes[:, None] < 0, -1, digits)

    def distance(self, codes: Tensor) -> Tensor:
        """Return in how many neurons each cell differs from the nearest seen one, int64 ``[b]``."""
        digits, seen = self.digits(codes), self.digits(self.codes)
        rows = max(1, TILE // seen.numel())
        return torch.cat(
            [(part[:, None] != seen).sum(2).amin(1) for part in torch.split(digits, rows)]
        )

    def _find(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        place = torch.searchsorted(self.codes, codes).clamp_(max=len(self.codes) - 1)
        return place, self.codes[place] == codes


def seen_cells(
    train: ActivationTable, neurons: NDArray[np.int64], thresholds: Sequence[NDArray[np.floating]]
) -> SeenCells:
    """Return the cells that training inputs fall into.

    Args:
        train: activations of training data.
        neurons: int64 ``[m]``, numbered among all of the table, in any order.
        thresholds: of each neuron, ascending; none for a neuron that never varies.

    Raises:
        ImprintError: no inputs, no neurons, or more cells than can be numbered.
    """
    if not len(train):
        raise ImprintError("a monitor needs training inputs")
    rank = np.argsort(neurons, kind="stable")
    neurons, thresholds = neurons[rank], [thresholds[row] for row in rank]
    most = max((len(limits) for limits in thresholds), default=0)
    padded = torch.full((len(neurons), max(most, 1)), torch.inf)
    for row, limits in enumerate(thresholds):
        padded[row, : len(limits)] = torch.from_numpy(_at_least(limits))
    layers, within = _only(train.layers, neurons)
    empty = torch.zeros(0, dtype=torch.int64)
    cells = SeenCells(layers, torch.from_numpy(within), padded, empty, empty)
    inside = cells.codes_of(torch.from_numpy(train.columns(neurons)))
    codes, counts = torch.unique(inside, return_counts=True)
    return SeenCells(layers, cells.neurons, padded, codes, counts)


def _at_least(limits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the smallest float32 not below each number, which cut float32 values equally."""
    near = np.asarray(limits).astype(np.float32)
    return np.where(near < limits, np.nextafter(near, np.float32(np.inf)), near)


def _only(layers: Layers, neurons: NDArray[np.int64]) -> tuple[Layers, NDArray[np.int64]]:
    """Return the layers that hold some neurons, and the numbers of these among them."""
    starts = np.cumsum((0, *layers.widths))
    rows = np.searchsorted(starts, neurons, side="right") - 1
    kept = np.unique(rows)
    widths = np.array(layers.widths)[kept]
    starts_there = np.cumsum(widths) - widths
    within = neurons - starts[rows] + starts_there[np.searchsorted(kept, rows)]
    kinds = tuple(layers.kinds[row] for row in kept) if layers.kinds else ()
    names = tuple(layers.names[row] for row in kept)
    return Layers(names, tuple(widths.tolist()), kinds), within.astype(np.int64)
