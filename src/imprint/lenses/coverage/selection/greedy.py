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


def select_greedily(
    criterion: Criterion,
    table: ActivationTable,
    count: int = 0,
    target: float = math.inf,
    seed: int = 0,
) -> Selection:
    """Select inputs by what they add to the value of a criterion.

    Selection ends when no input adds anything, for a criterion whose gains only fall.

    Args:
        criterion: fitted; it stays as it is.
        table: of M inputs.
        count: of inputs to select; 0 for all that add.
        target: value at which enough is covered.
        seed: of the inputs that are compared, where gains may rise.

    Raises:
        ImprintError: activations that are not finite, or labels that are missing.
    """
    most = min(count or len(table), len(table))
    if has_marks(criterion):
        return select_by_marks(collect_marks(criterion, table), most, target)
    if criterion.diminishing:
        return select_lazily(criterion, table, most, target)
    compared = max(1, math.ceil(len(table) / max(most, 1) * math.log(1 / MISSED)))
    return select_sampled(criterion, table, most, target, compared, seed)


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


def select_lazily(
    criterion: Criterion, table: ActivationTable, count: int, target: float = math.inf
) -> Selection:
    """Select by gains that only fall once an input was seen; see :func:`select_greedily`."""
    state = criterion.fresh()
    gains = _gains(state, table, np.arange(len(table)))
    first = int(gains.argmax())
    order, added = [first], [_take(state, table, first)]
    # The first input may make gains possible that were none before it.
    bounds = _gains(state, table, np.arange(len(table)))
    heap = [(-bounds[row], row, 1) for row in range(len(table)) if row != first]
    heapq.heapify(heap)
    for _ in track(range(1, count), "select", count - 1, "test"):
        if state.value() >= target or not _refresh(heap, state, table, len(order)):
            break
        _, row, _ = heapq.heappop(heap)
        order.append(row)
        added.append(_take(state, table, row))
    return Selection(np.array(order, dtype=np.int64), np.array(added))


def select_sampled(
    criterion: Criterion,
    table: ActivationTable,
    count: int,
    target: float,
    compared: int,
    seed: int,
) -> Selection:
    """Select the best of a few random inputs at each step; see :func:`select_greedily`.

    Args:
        criterion: fitted; it stays as it is.
        table: of M inputs.
        count: of inputs to select.
        target: value at which enough is covered.
        compared: inputs at each step; from M on it is plain greedy.
        seed: of the inputs that are compared.
    """
    state, random = criterion.fresh(), generator(seed, "greedy selection")
    rest = np.arange(len(table))
    order, added = [], []
    for _ in track(range(count), "select", count, "test"):
        if state.value() >= target:
            break
        few = np.sort(random.permutation(len(rest))[:compared]) if compared < len(rest) else rest
        rows = rest[few] if compared < len(rest) else rest
        best = int(rows[_gains(state, table, rows).argmax()])
        order.append(best)
        added.append(_take(state, table, best))
        rest = rest[rest != best]
    selected = np.array(order, dtype=np.int64)
    return Selection(selected, np.array(added, dtype=float), exact=compared >= len(table))


def gains_alone(criterion: Criterion, table: ActivationTable) -> FloatArray:
    """Return the value of each input alone above that of none, float64 ``[M]``."""
    if has_marks(criterion):
        marks = collect_marks(criterion, table)
        return np.asarray(marks.sizes() * marks.unit)
    return _gains(criterion.fresh(), table, np.arange(len(table)))


def _refresh(
    heap: list[tuple[float, int, int]], state: Criterion, table: ActivationTable, seen: int
) -> bool:
    """Bring bounds up to date until the best is; return whether it adds anything."""
    size = 1
    while heap and heap[0][2] != seen and heap[0][0] < 0:
        stale = [heapq.heappop(heap)]
        while heap and len(stale) < size and heap[0][2] != seen and heap[0][0] < 0:
            stale.append(heapq.heappop(heap))
        size = min(2 * size, BLOCK)
        rows = np.array([row for _, row, _ in stale])
        for row, gain in zip(rows.tolist(), _gains(state, table, rows).tolist(), strict=True):
            heapq.heappush(heap, (-gain, row, seen))
    return bool(heap) and heap[0][0] < 0


def _gains(state: Criterion, table: ActivationTable, rows: IntArray) -> FloatArray:
    parts = [
        state.gain(table.batch(rows[start : start + 1024])).cpu().numpy()
        for start in range(0, len(rows), 1024)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _take(state: Criterion, table: ActivationTable, row: int) -> float:
    """Let the criterion see an input; return by how much its value rose."""
    before = state.value()
    state.update(table.batch(np.array([row])))
    return state.value() - before


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
