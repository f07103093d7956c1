"""How often each mark is set, and which rare marks the same inputs set.

A mark is one of the things that a criterion counts: a neuron, a section, a corner, a cell, a
pattern. Beside the number of inputs that set it, a tally keeps the sum of their keys, a 64-bit
number an input, modulo 2⁶⁴: marks of equal count and sum were set by the same inputs (two other
groups share a sum with probability 2⁻⁶⁴). Memory: 16 bytes a mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray

NO_MARK = -(2**63)
ORDERS = 8


@dataclass(frozen=True, eq=False)
class RareMarks:
    """Marks that few inputs set, by how many set them.

    Attributes:
        inputs: how many inputs there were, n.
        marks: float64 ``[8]``, f_s: marks that exactly s inputs set, s = 1 … 8.
        squares: float64 ``[8]``, q_s: Σ m² over groups of s inputs, m marks set by exactly these.
        largest: the most marks that one input alone set; 0 where none did.
    """

    inputs: int
    marks: FloatArray
    squares: FloatArray
    largest: int


class Tally:
    """Counts how many inputs set each mark.

    Args:
        size: marks are numbered 0 … size − 1; None where any int64 may be one, and an input sets
            one mark at most.
        first: number of the first input; inputs of tallies that are merged need their own numbers.
    """

    def __init__(self, size: int | None, first: int = 0) -> None:
        self.inputs = 0
        self._first = first
        self._size = size
        self._single: list[IntArray] = []
        self._counts = torch.zeros(size or 0, dtype=torch.int64)
        self._keys = torch.zeros(size or 0, dtype=torch.int64)

    def add(self, marks: Tensor) -> None:
        """Count the marks of further inputs.

        Args:
            marks: int64 ``[b, w]``, the different marks of each input, ``NO_MARK`` where it sets
                fewer than w.
        """
        marks = marks.cpu()
        rows, columns = (marks != NO_MARK).nonzero(as_tuple=True)
        chosen = marks[rows, columns]
        if self._size is None:
            self._single.append(chosen.numpy())
        else:
            keys = torch.from_numpy(_keys(self._first + self.inputs, len(marks)))
            self._counts.index_add_(0, chosen, torch.ones_like(chosen))
            self._keys.index_add_(0, chosen, keys[rows])
        self.inputs += len(marks)

    def merge(self, other: Tally) -> None:
        """Count what another tally of the same marks counted."""
        self.inputs += other.inputs
        self._single = [*self._single, *other._single]
        self._counts = self._counts + other._counts
        self._keys = self._keys + other._keys

    def state_dict(self) -> dict[str, Tensor]:
        """Return counts up to 9, a byte each, and the keys of rare marks, in their order."""
        if self._size is None:
            single = torch.from_numpy(self._every_single())
            return {"inputs": torch.tensor(self.inputs), "single": single}
        counts = self._counts.clamp(max=ORDERS + 1).to(torch.uint8)
        rare = (counts > 0) & (counts <= ORDERS)
        keys = self._keys[rare]
        return {"inputs": torch.tensor(self.inputs), "counts": counts, "keys": keys}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state_dict` left off; what 9 inputs set is no longer rare."""
        self.inputs = int(state["inputs"])
        if self._size is None:
            self._single = [state["single"].numpy()]
            return
        self._counts = state["counts"].long()
        self._keys = torch.zeros_like(self._counts)
        self._keys[(self._counts > 0) & (self._counts <= ORDERS)] = state["keys"]

    def _every_single(self) -> IntArray:
        return np.concatenate([np.empty(0, dtype=np.int64), *self._single])

    def rare(self) -> RareMarks:
        """Return the marks that 1 … 8 inputs set."""
        if self._size is None:
            _, counts = np.unique(self._every_single(), return_counts=True)
            marks = np.bincount(counts, minlength=ORDERS + 1)[1 : ORDERS + 1].astype(np.float64)
            # An input sets one mark, so that no two marks were set by the same inputs.
            return RareMarks(self.inputs, marks, marks, int(marks[0] > 0))
        counts, keys = self._counts.numpy(), self._keys.numpy()
        groups = [
            np.unique(keys[counts == order], return_counts=True)[1].astype(np.float64)
            for order in range(1, ORDERS + 1)
        ]
        return RareMarks(
            self.inputs,
            np.array([sizes.sum() for sizes in groups]),
            np.array([np.square(sizes).sum() for sizes in groups]),
            int(groups[0].max(initial=0)),
        )


def _keys(start: int, count: int) -> IntArray:
    """Return a key an input: the splitmix64 of its number (Steele, Lea & Flood 2014)."""
    numbers = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(start % 2**64)
    mixed = numbers * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).view(np.int64)
