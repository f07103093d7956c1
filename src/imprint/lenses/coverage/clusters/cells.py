"""Cells of several neurons' clusters, and how many of them some inputs reach.

The cell of an input is (q_1 … q_m), q_j the cluster of neuron j. There are P = Π k_j cells.

    IDC = different cells reached / P,     ceiling = min(1, N / P) of N inputs

A cell's code is the mixed-radix number Σ q_j · Π_{i<j} k_i where P < 2⁶³, and otherwise two
64-bit sums Σ a_j (q_j + 1) mod 2⁶⁴ with fixed random odd a_j: of n cells, two share both with a
probability below n² · 2⁻¹¹⁷ (k_j ≤ 16), which is 2⁻⁷⁷ of a million cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.coverage.clusters.clustering import Clustering

LARGEST_CODE = 2**63


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of some neurons' clusters.

    Attributes:
        thresholds: float64 ``[m, k_max − 1]``, ascending; +∞ after a neuron's last.
        clusters: k_j of each neuron.
        weights: int64 ``[m, 1]`` of mixed-radix codes, or ``[m, 2]`` of hashes.
    """

    thresholds: Tensor
    clusters: tuple[int, ...]
    weights: Tensor

    @classmethod
    def of(cls, clusterings: Sequence[Clustering]) -> Cells:
        """Return the cells of neurons with these clusters."""
        return cls.between([each.thresholds.tolist() for each in clusterings])

    @classmethod
    def between(cls, thresholds: Sequence[Sequence[float]]) -> Cells:
        """Return the cells between ascending thresholds of each neuron.

        >>> cells = Cells.between([[0.0], [0.0, 1.0]])
        >>> cells.total, cells.codes(torch.tensor([[-1.0, 0.5], [0.0, 1.0]])).tolist()
        (6, [[2], [5]])
        """
        clusters = tuple(len(part) + 1 for part in thresholds)
        width = max((len(part) for part in thresholds), default=0)
        rows = [[*part, *[math.inf] * (width - len(part))] for part in thresholds]
        table = torch.tensor(rows, dtype=torch.float64).reshape(len(rows), width)
        return cls(table, clusters, _weights(clusters))

    @property
    def total(self) -> int:
        """How many cells there are, P."""
        return math.prod(self.clusters)

    def digits(self, values: Tensor) -> Tensor:
        """Return the cluster of each neuron, int64 ``[b, m]``: thresholds at or below the value.

        Args:
            values: ``[b, m]``, of the neurons, on any device.

        Raises:
            ImprintError: values that are not finite.
        """
        if not torch.isfinite(values).all():
            bad = int((~torch.isfinite(values)).sum())
            raise ImprintError(
                f"{bad} activations of neurons with cells are NaN or infinite: such inputs have "
                "no cell, leave them out"
            )
        thresholds = self.thresholds.to(values.device)
        digits = torch.zeros(values.shape, dtype=torch.int64, device=values.device)
        for column in thresholds.unbind(1):
            digits += values >= column
        return digits

    def codes(self, values: Tensor) -> Tensor:
        """Return the cell of each input, int64 ``[b, 1]`` or ``[b, 2]``; may raise as digits."""
        weights = self.weights.to(values.device)
        digits = self.digits(values) + (weights.shape[1] - 1)
        return (digits[:, :, None] * weights).sum(1)

    def spelled(self, code: Sequence[int]) -> tuple[int, ...]:
        """Return the clusters that a mixed-radix code denotes.

        >>> Cells.between([[0.0], [0.0, 1.0]]).spelled([5])
        (1, 2)
        """
        (rest,) = code
        digits = []
        for clusters in self.clusters:
            rest, digit = divmod(rest, clusters)
            digits.append(digit)
        return tuple(digits)


@dataclass(frozen=True)
class CellCoverage:
    """How many cells some inputs reach.

    Attributes:
        reached: different cells.
        inputs: N.
        total: P.
        training_cells: different cells that training data reach; None where they are not known.
        training_cells_reached: those of them that the inputs reach too.
    """

    reached: int
    inputs: int
    total: int
    training_cells: int | None = None
    training_cells_reached: int | None = None

    @property
    def value(self) -> float:
        """The share of all cells that are reached."""
        return self.reached / self.total

    @property
    def ceiling(self) -> float:
        """The largest share that this number of inputs can reach."""
        return share(self.inputs, self.total)


def share(inputs: int, total: int) -> float:
    """Return min(1, N/P), right to the last digit however large P is."""
    return float(min(Fraction(1), Fraction(inputs, total)))


def log10(total: int) -> float:
    """Return log₁₀ P of any P ≥ 1."""
    return math.log2(total) / math.log2(10)


def coverage(codes: Tensor, total: int, train: Tensor | None = None) -> CellCoverage:
    """Return how many cells some inputs reach.

    Args:
        codes: int64 ``[n, w]`` of :meth:`Cells.codes`.
        total: P.
        train: codes of training data ``[N, w]``.
    """
    cells, _ = distinct(codes)
    if train is None:
        return CellCoverage(len(cells), len(codes), total)
    known, _ = distinct(train)
    return CellCoverage(len(cells), len(codes), total, len(known), len(shared(cells, known)))


def distinct(codes: Tensor, counts: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the different codes in ascending order and how often each occurs.

    Args:
        codes: int64 ``[n, w]``.
        counts: int64 ``[n]``, how often each row counts; once by default.

    Returns:
        int64 ``[d, w]`` and int64 ``[d]``.
    """
    if codes.shape[1] == 1:
        different, place = torch.unique(codes[:, 0], return_inverse=True)
        different = different[:, None]
    else:
        different, place = torch.unique(codes, dim=0, return_inverse=True)
    if counts is None:
        return different, torch.bincount(place, minlength=len(different))
    total = torch.zeros(len(different), dtype=torch.int64, device=codes.device)
    return different, total.index_add(0, place, counts.to(codes.device))


def occurrences(codes: Tensor, cells: Tensor, counts: Tensor) -> Tensor:
    """Return how often the cell of each code counts, int64 ``[n]``; 0 for an unknown one.

    Args:
        codes: int64 ``[n, w]``.
        cells: int64 ``[d, w]``, different codes.
        counts: int64 ``[d]``, how often each counts.
    """
    cells, counts = cells.to(codes.device), counts.to(codes.device)
    _, place = torch.unique(torch.cat([cells, codes]), dim=0, return_inverse=True)
    found = torch.zeros(len(place), dtype=torch.int64, device=codes.device)
    found[place[: len(cells)]] = counts
    return found[place[len(cells) :]]


def shared(first: Tensor, second: Tensor) -> Tensor:
    """Return the codes in both of two sets of different codes, ``[d, w]``."""
    different, counts = distinct(torch.cat([first, second.to(first.device)]))
    return different[counts == 2]


def within(codes: Tensor, cells: Tensor) -> Tensor:
    """Return whether each code is among different codes, bool ``[n]``."""
    if not len(codes):
        return torch.zeros(0, dtype=torch.bool, device=codes.device)
    cells = cells.to(codes.device)
    if codes.shape[1] == 1:
        return torch.isin(codes[:, 0], cells[:, 0])
    _, place = torch.unique(torch.cat([cells, codes]), dim=0, return_inverse=True)
    known = torch.zeros(int(place.max()) + 1, dtype=torch.bool, device=codes.device)
    known[place[: len(cells)]] = True
    return known[place[len(cells) :]]


def _weights(clusters: tuple[int, ...]) -> Tensor:
    if math.prod(clusters) < LARGEST_CODE:
        radix = [math.prod(clusters[:place]) for place in range(len(clusters))]
        return torch.tensor(radix, dtype=torch.int64)[:, None]
    bits = generator(0, "cells").integers(-(2**63), 2**63 - 1, size=(len(clusters), 2))
    return torch.from_numpy(np.bitwise_or(bits, 1))
