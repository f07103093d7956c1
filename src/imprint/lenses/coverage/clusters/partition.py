"""The best partitions of sorted values into 2, 3 … k intervals, exactly.

Cost of an interval: Σ w (x − mean)². The optimal clusters of values on a line are intervals, so the
least cost of 1-D k-means is a shortest path over cut points (Wang & Song 2011). Let D_a[r] be the
cost of the first r values in a intervals and T_b[j] that of the values from j on in b:

    cost of k = a + b intervals: min_j D_a[j] + T_b[j],      D_a[r] = min_j D_{a−1}[j] + C(j, r)

Two properties of a cost that obeys the quadrangle inequality keep this cheap:

- The best last cut of r values never falls as r grows. So rows are solved coarse to fine, each
  within the bracket of its neighbours: O(n log n) a table, done for all rows of a level at once.
- Optimal cuts for k and k + 1 interlace: cut i of k + 1 lies between cuts i − 1 and i of k. So a
  table is needed on one side of a known cut alone, whose own best predecessor is known as well.

Meeting in the middle takes a, b ≤ ⌈k/2⌉, and the rows get fewer with every table. Time
O(k n log n), memory O(k n); nothing is random and nothing is iterated to convergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class SortedValues:
    """Different values of several neurons in ascending order, neuron after neuron.

    Prefix sums have one entry more than values for each neuron: 0 in front.

    Attributes:
        values: float64 ``[Σ n_p]``, each neuron's about its mean.
        weights: float64 ``[Σ n_p]``, how many inputs have the value.
        sizes: int64 ``[p]``, different values of each neuron.
        starts: int64 ``[p]``, where the prefix sums of each neuron start.
        count: float64 ``[Σ (n_p + 1)]``, prefix sums of the weights.
        total: as ``count``, of weight · value.
        square: as ``count``, of weight · value².
    """

    values: FloatArray
    weights: FloatArray
    sizes: IntArray
    starts: IntArray
    count: FloatArray
    total: FloatArray
    square: FloatArray

    @cached_property
    def count_twice(self) -> FloatArray:
        """Weights before each value and up to it, float64 ``[Σ n_p]``."""
        return self._twice(self.count)

    @cached_property
    def total_twice(self) -> FloatArray:
        """As :attr:`count_twice`, of weight · value."""
        return self._twice(self.total)

    def _twice(self, sums: FloatArray) -> FloatArray:
        before = np.delete(sums, self.starts + self.sizes)
        return before + np.delete(sums, self.starts)


def sorted_values(values: list[FloatArray], weights: list[FloatArray]) -> SortedValues:
    """Return sorted different values ``[n_p]`` of each neuron with their prefix sums."""
    sizes = np.array([len(part) for part in values], dtype=np.int64)
    starts = np.cumsum(sizes + 1) - (sizes + 1)
    count, total, square = (np.zeros(int(sizes.sum()) + len(sizes)) for _ in range(3))
    for start, part, weight in zip(starts.tolist(), values, weights, strict=True):
        inside = slice(start + 1, start + 1 + len(part))
        weighted = weight * part
        np.cumsum(weight, out=count[inside])
        np.cumsum(weighted, out=total[inside])
        np.cumsum(weighted * part, out=square[inside])
    return SortedValues(
        np.concatenate(values), np.concatenate(weights), sizes, starts, count, total, square
    )


def best_cuts(data: SortedValues, most: int) -> list[IntArray]:
    """Return the cuts of the best partitions into 2 … ``most`` intervals.

    Args:
        data: every neuron with at least ``most`` different values.
        most: of intervals, 2 or more.

    Returns:
        One int64 ``[p, k − 1]`` for each k: where each interval but the first starts, counted in
        different values.
    """
    sizes = data.sizes
    front, back = _Tables(data), _Tables(_mirrored(data))
    partitions: list[IntArray] = []
    cuts = np.empty((len(sizes), 0), dtype=np.int64)
    for intervals in range(2, most + 1):
        ahead, behind = (intervals + 1) // 2, intervals // 2
        # The cuts of one interval fewer, between the ends: the middle cut lies between two.
        known = np.concatenate([np.zeros_like(sizes)[:, None], cuts, sizes[:, None]], axis=1)
        low = np.maximum(known[:, ahead - 1], 1)
        high = np.minimum(known[:, ahead], sizes - 1)
        # A table that no other is built on serves this middle, or the next one as well.
        spare = most - intervals
        if intervals > 2 and intervals % 2:
            least = np.maximum(known[:, max(ahead - 1 - spare, 0)], 1) if spare < 2 else None
            front.extend(known[:, ahead], known[:, ahead - 1], least)
        elif intervals > 2:
            least = np.maximum(sizes - known[:, min(ahead + spare, intervals - 1)], 1)
            back.extend(
                sizes - known[:, ahead - 1], sizes - known[:, ahead], least if spare < 2 else None
            )
        middle = _meeting(data, front.scores[ahead - 1], back.scores[behind - 1], low, high)
        before = front.trace(middle, ahead - 1)
        after = [sizes - row for row in back.trace(sizes - middle, behind - 1)]
        cuts = np.stack([*before[::-1], middle, *after], axis=1)
        partitions.append(cuts)
    return partitions


def inertia(data: SortedValues, cuts: IntArray) -> FloatArray:
    """Return the cost of each neuron's partition, float64 ``[p]``.

    Args:
        data: of p neurons.
        cuts: int64 ``[p, k − 1]`` from :func:`best_cuts`.
    """
    borders = edges(data, cuts)
    count, total, square = (
        np.diff(part[borders], axis=1) for part in (data.count, data.total, data.square)
    )
    cost: FloatArray = (square - total**2 / np.maximum(count, 1)).sum(axis=1)
    return np.maximum(cost, 0)


def edges(data: SortedValues, cuts: IntArray) -> IntArray:
    """Return where each interval starts and the last ends among prefix sums, ``[p, k + 1]``."""
    ends = np.concatenate([np.zeros_like(data.sizes)[:, None], cuts, data.sizes[:, None]], axis=1)
    return ends + data.starts[:, None]


def _mirrored(data: SortedValues) -> SortedValues:
    pieces = np.split(np.arange(len(data.values)), np.cumsum(data.sizes)[:-1])
    return sorted_values(
        [-data.values[piece[::-1]] for piece in pieces],
        [data.weights[piece[::-1]] for piece in pieces],
    )


def _meeting(
    data: SortedValues, front: FloatArray, back: FloatArray, low: IntArray, high: IntArray
) -> IntArray:
    middles = []
    for start, size, least, most in zip(
        data.starts.tolist(), data.sizes.tolist(), low.tolist(), high.tolist(), strict=True
    ):
        behind = back[start + size - most : start + size - least + 1]
        middles.append(
            least + int(np.argmin(front[start + least : start + most + 1] + behind[::-1]))
        )
    return np.array(middles, dtype=np.int64)


class _Tables:
    """Scores of the first r values in 1, 2 … intervals, and the best last cut of each.

    The score is the cost less Σ w · value², which is the same for every partition.
    """

    def __init__(self, data: SortedValues) -> None:
        self.data = data
        score = -(data.total**2) / np.maximum(data.count, 1)
        self.scores = [score]
        self.last = [np.zeros(len(score), dtype=np.int64)]

    def extend(self, limit: IntArray, last: IntArray, low: IntArray | None = None) -> None:
        """Add the table of one interval more, for rows up to a limit.

        Args:
            limit: int64 ``[p]``, the largest row of each neuron.
            last: int64 ``[p]``, the best last cut of that row.
            low: int64 ``[p]``, the least row of each neuron that is needed; None for all.
        """
        data, starts = self.data, self.data.starts
        if low is None:
            low = first = np.zeros_like(limit)
        else:
            bounds = enumerate(zip(low.tolist(), last.tolist(), strict=True))
            first = np.array([self._scan(neuron, *ends) for neuron, ends in bounds])
        columns = _Columns.between(data, self.scores[-1], first, last)
        shift = columns.starts[:, None]
        reach = int((limit - low).max())
        stride = 1 << max(0, reach.bit_length() - 1)
        # One line per neuron, from its least row on; rows beyond its limit are never read.
        rows = low[:, None] + np.arange(reach + 1)
        last_rows = starts[:, None] + np.minimum(rows, data.sizes[:, None])
        count, total = data.count[last_rows], data.total[last_rows]
        score = np.empty(rows.shape)
        cut = np.repeat(last[:, None], reach + 1 + 2 * stride, axis=1)
        cut[:, 0] = first
        with np.errstate(invalid="ignore"):
            score[:, 0] = columns.score(count[:, 0], total[:, 0], first + columns.starts)
        score[low == 0, 0] = 0
        while stride and reach:
            many = (reach + stride) // (2 * stride)
            level = slice(stride, None, 2 * stride)
            before = cut[:, : 2 * stride * many : 2 * stride]
            after = cut[:, 2 * stride : 2 * stride * many + 1 : 2 * stride]
            best, place = columns.best(
                count[:, level].ravel(),
                total[:, level].ravel(),
                (before + shift).ravel(),
                (np.minimum(after, rows[:, level] - 1) + shift).ravel(),
            )
            score[:, level] = best.reshape(-1, many)
            cut[:, stride : reach + 1 : 2 * stride] = place.reshape(-1, many) - shift
            stride //= 2
        self._keep(score, cut, limit, low)

    def _keep(self, score: FloatArray, cut: IntArray, limit: IntArray, low: IntArray) -> None:
        scores, last = np.full(len(self.scores[0]), np.inf), np.zeros_like(self.last[0])
        for line, (start, least, most) in enumerate(
            zip(self.data.starts.tolist(), low.tolist(), limit.tolist(), strict=True)
        ):
            inside = slice(start + least, start + most + 1)
            scores[inside] = score[line, : most - least + 1]
            last[inside] = cut[line, : most - least + 1]
        self.scores.append(scores)
        self.last.append(last)

    def trace(self, row: IntArray, intervals: int) -> list[IntArray]:
        """Return the cuts of each neuron's first ``row`` values, the last cut first."""
        cuts = []
        for level in range(intervals, 0, -1):
            row = self.last[level][self.data.starts + row]
            cuts.append(row)
        return cuts

    def _scan(self, neuron: int, row: int, most: int) -> int:
        """Return the best last cut of one row, among the columns up to one."""
        start = int(self.data.starts[neuron])
        end, place = start + row, slice(start, start + min(row, most + 1))
        total = self.data.total[end] - self.data.total[place]
        count = self.data.count[end] - self.data.count[place]
        return int(np.argmin(self.scores[-1][place] - total**2 / count))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Where a last interval may start: a range of each neuron's values, neuron after neuron.

    Attributes:
        starts: int64 ``[p]``, where column 0 of each neuron would stand.
        before: float64, score of what lies before.
        count: float64, prefix sums of the weights.
        total: float64, prefix sums of weight · value.
    """

    starts: IntArray
    before: FloatArray
    count: FloatArray
    total: FloatArray

    @classmethod
    def between(
        cls, data: SortedValues, before: FloatArray, first: IntArray, last: IntArray
    ) -> _Columns:
        lengths = last - first + 1
        starts = np.cumsum(lengths) - lengths - first
        chosen = np.arange(int(lengths.sum())) + np.repeat(data.starts - starts, lengths)
        return cls(starts, before[chosen], data.count[chosen], data.total[chosen])

    def score(self, count: FloatArray, total: FloatArray, place: IntArray) -> FloatArray:
        """Return the score of rows with given last cuts."""
        gap = total - self.total[place]
        gap *= gap
        gap /= count - self.count[place]
        return np.subtract(self.before[place], gap, out=gap)

    def best(
        self, count: FloatArray, total: FloatArray, begin: IntArray, end: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Return score and place of the best last cut of rows, each between two places.

        The brackets of one neuron's rows touch: every column belongs to one row that ends behind
        it, and the end of each row is scored separately. So no column is gathered, and a row with
        one place, as most rows of the last levels, owns none and is settled by its end.

        Args:
            count: float64 ``[r]``, prefix sum of the weights of each row.
            total: float64 ``[r]``, prefix sum of weight · value.
            begin: int64 ``[r]``, the first place, ascending.
            end: int64 ``[r]``, the last one.
        """
        best, place = self.score(count, total, end), end.copy()
        rows = np.flatnonzero(begin < end)
        if not len(rows):
            return best, place
        begin, end = begin[rows], end[rows]
        inside = slice(int(begin[0]), int(end[-1]))
        lengths = np.diff(begin, append=end[-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.repeat(total[rows], lengths)
            gap -= self.total[inside]
            gap *= gap
            width = np.repeat(count[rows], lengths)
            width -= self.count[inside]
            gap /= width
            score = np.subtract(self.before[inside], gap, out=gap)
        begin, end = begin - inside.start, end - inside.start
        # Columns between two brackets: no place for a cut.
        apart = np.flatnonzero(end[:-1] < begin[1:])
        for left, right in zip(end[apart].tolist(), begin[apart + 1].tolist(), strict=True):
            score[left:right] = np.inf
        least = np.minimum.reduceat(score, begin)
        hit = np.flatnonzero(score == np.repeat(least, lengths))
        better = np.flatnonzero(least <= best[rows])
        # Equal scores: the first place.
        alone = len(hit) == len(rows)
        first = hit[better if alone else np.searchsorted(hit, begin[better])]
        rows = rows[better]
        best[rows], place[rows] = least[better], first + inside.start
        return best, place
