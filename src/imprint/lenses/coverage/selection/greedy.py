"""Greedy selection: the input that adds most to what those before it cover, again and again.

Of equal gains the first input counts, so that an order is a function of its inputs alone. Where
the value counts marks, all gains are kept up to date: exact, one visit an entry. For a criterion
whose gains only fall (it is submodular), a gain of before is a bound and most need not be computed
again (Minoux 1978): the same order as computing them all. For others a random few are compared at
each step (Mirzasoleiman et al. 2015, "Lazier than lazy greedy"); with all of them it is plain
greedy.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.selection.input_marks import (
    InputMarks,
    collect_marks,
    has_marks,
)
from imprint.neurons.activations import ActivationTable

MISSED = 0.01
"""Of a sampled greedy step: the chance that none of the best 1/count of the inputs is compared."""
BATCH = 1024
"""Inputs whose gains are computed at a time."""
BLOCK = 64
"""Bounds that are brought up to date at a time: one at first, then ever more up to so many."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Inputs in the order in which they are selected.

    Attributes:
        order: int64 ``[k]``, rows of the table.
        gains: float64 ``[k]``, by how much each raised the value.
        exact: whether every step took the largest gain of all.
    """

    order: IntArray
    gains: FloatArray
    exact: bool = True

    def __len__(self) -> int:
        return len(self.order)


class Covering:
    """What the inputs of a table add to a fitted criterion, which stays as it is.

    Marks are collected once, whatever is asked.

    Args:
        criterion: fitted.
        table: of M inputs.
    """

    def __init__(self, criterion: Criterion, table: ActivationTable) -> None:
        self.criterion = criterion
        self.table = table

    @cached_property
    def marks(self) -> InputMarks | None:
        """The marks of every input; None where the value is no number of marks.

        Raises:
            ImprintError: activations that are not finite, labels that are missing, or too many
                marks for memory.
        """
        return collect_marks(self.criterion, self.table) if has_marks(self.criterion) else None

    @property
    def gains_fall(self) -> bool:
        """Whether no gain rises as more inputs are seen."""
        return has_marks(self.criterion) or self.criterion.diminishing

    def alone(self) -> FloatArray:
        """Return the value of each input alone above that of none, float64 ``[M]``."""
        if self.marks is not None:
            return np.asarray(self.marks.sizes() * self.marks.unit)
        return self.start().gains(np.arange(len(self.table)))

    def in_order(self) -> FloatArray:
        """Return by how much each input raises the value in the order of the table, ``[M]``.

        Exact at one visit a mark where the value counts marks; else the criterion sees the inputs
        one after another.
        """
        if self.marks is None:
            covered = self.start()
            count, what = len(self.table), f"gains of {self.criterion.name}"
            rows = track(range(count), what, count, "test")
            return np.array([covered.take(row) for row in rows], dtype=np.float64)
        owners = np.repeat(np.arange(len(self.marks)), self.marks.sizes())
        _, first = np.unique(self.marks.marks, return_index=True)
        new = np.bincount(owners[first], minlength=len(self.marks))
        return np.asarray(new * self.marks.unit)

    def select(self, count: int = 0, target: float = math.inf, seed: int = 0) -> Selection:
        """Select inputs by what they add.

        Selection ends when no input adds anything, where gains only fall.

        Args:
            count: of inputs to select; 0 for all that add.
            target: value at which enough is covered.
            seed: of the inputs that are compared, where gains may rise.

        Raises:
            ImprintError: as :attr:`marks`.
        """
        most = min(count or len(self.table), len(self.table))
        if self.marks is not None:
            return select_by_marks(self.marks, most, target)
        if self.criterion.diminishing:
            return select_lazily(self, most, target)
        compared = max(1, math.ceil(len(self.table) / max(most, 1) * math.log(1 / MISSED)))
        return select_sampled(self, most, target, compared, seed)

    def start(self) -> Covered:
        """Return the criterion before any input, to see one after another."""
        return Covered(self.criterion.fresh(), self.table)


@dataclass(frozen=True, eq=False)
class Covered:
    """A criterion that saw some inputs of a table.

    Attributes:
        state: what it saw.
        table: of the inputs.
    """

    state: Criterion
    table: ActivationTable

    def gains(self, rows: IntArray) -> FloatArray:
        """Return by how much each input alone would raise the value, float64 ``[rows]``."""
        parts = [
            self.state.gain(self.table.batch(rows[start : start + BATCH])).cpu().numpy()
            for start in range(0, len(rows), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def take(self, row: int) -> float:
        """See an input; return by how much the value rose."""
        before = self.state.value()
        self.state.update(self.table.batch(np.array([row])))
        return self.state.value() - before

    def value(self) -> float:
        """Return the coverage of the inputs that were taken."""
        return self.state.value()


def select_by_marks(marks: InputMarks, count: int, target: float = math.inf) -> Selection:
    """Select by marks alone; every gain is exact at every step.

    Args:
        marks: of M inputs.
        count: of inputs to select at most.
        target: value at which enough is covered.
    """
    left = marks.sizes()
    owners, at = _inputs_of_marks(marks)
    covered = np.zeros(marks.count, dtype=bool)
    order: list[int] = []
    gains: list[int] = []
    wanted = math.ceil(target / marks.unit - 1e-9) if math.isfinite(target) else math.inf
    reached = 0
    for _ in track(range(count), "select", count, "test"):
        best = int(left.argmax()) if len(left) else 0
        if not len(left) or not left[best] or reached >= wanted:
            break
        own = marks.marks[marks.starts[best] : marks.starts[best + 1]]
        fresh = own[~covered[own]]
        covered[fresh] = True
        order.append(best)
        gains.append(len(fresh))
        reached += len(fresh)
        left -= np.bincount(owners[_ranges(at[fresh], at[fresh + 1])], minlength=len(left))
    return Selection(np.array(order, dtype=np.int64), np.array(gains, dtype=float) * marks.unit)


def select_lazily(covering: Covering, count: int, target: float = math.inf) -> Selection:
    """Select by gains that only fall once an input was seen; see :meth:`Covering.select`."""
    covered, every = covering.start(), np.arange(len(covering.table))
    first = int(covered.gains(every).argmax())
    order, added = [first], [covered.take(first)]
    # The first input may make gains possible that were none before it.
    bounds = covered.gains(every)
    heap = [(-bounds[row], row, 1) for row in every.tolist() if row != first]
    heapq.heapify(heap)
    for _ in track(range(1, count), "select", count - 1, "test"):
        if covered.value() >= target or not _refresh(heap, covered, len(order)):
            break
        _, row, _ = heapq.heappop(heap)
        order.append(row)
        added.append(covered.take(row))
    return Selection(np.array(order, dtype=np.int64), np.array(added))


def select_sampled(
    covering: Covering, count: int, target: float, compared: int, seed: int
) -> Selection:
    """Select the best of a few random inputs at each step; see :meth:`Covering.select`.

    Args:
        covering: of M inputs.
        count: of inputs to select.
        target: value at which enough is covered.
        compared: inputs at each step; from M on it is plain greedy.
        seed: of the inputs that are compared.
    """
    covered, random = covering.start(), generator(seed, "greedy selection")
    rest = np.arange(len(covering.table))
    order, added = [], []
    for _ in track(range(count), "select", count, "test"):
        if covered.value() >= target:
            break
        few = np.sort(random.permutation(len(rest))[:compared]) if compared < len(rest) else rest
        rows = rest[few] if compared < len(rest) else rest
        best = int(rows[covered.gains(rows).argmax()])
        order.append(best)
        added.append(covered.take(best))
        rest = rest[rest != best]
    selected = np.array(order, dtype=np.int64)
    exact = compared >= len(covering.table)
    return Selection(selected, np.array(added, dtype=float), exact)


def _refresh(heap: list[tuple[float, int, int]], covered: Covered, seen: int) -> bool:
    """Bring bounds up to date until the best is; return whether it adds anything."""
    size = 1
    while heap and heap[0][2] != seen and heap[0][0] < 0:
        stale = [heapq.heappop(heap)]
        while heap and len(stale) < size and heap[0][2] != seen and heap[0][0] < 0:
            stale.append(heapq.heappop(heap))
        size = min(2 * size, BLOCK)
        rows = np.array([row for _, row, _ in stale])
        for row, gain in zip(rows.tolist(), covered.gains(rows).tolist(), strict=True):
            heapq.heappush(heap, (-gain, row, seen))
    return bool(heap) and heap[0][0] < 0


def _inputs_of_marks(marks: InputMarks) -> tuple[IntArray, IntArray]:
    """Return the inputs of each mark, mark by mark, and where those of each begin."""
    inputs = np.repeat(np.arange(len(marks), dtype=np.int32), marks.sizes())
    order = np.argsort(marks.marks, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(marks.marks, minlength=marks.count))])
    return inputs[order], starts  # type: ignore[return-value]  # int32 halves the space


def _ranges(starts: IntArray, ends: IntArray) -> IntArray:
    """Return all numbers of several ranges, one range behind the other."""
    lengths = ends - starts
    if not len(lengths):
        return np.zeros(0, dtype=np.int64)
    offsets = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return np.asarray(offsets + np.arange(int(lengths.sum())))
