"""Moments of the signals of each record over its IN and OUT models, updated by one model a time.

A record's IN models were trained on it, its OUT models were not. Kept are count, Σd and Σd² of
d = x − shift, one model after the other; taking a model out is the same sum with the other sign,
so every model of a cohort can be the target for O(A·N) work. The shift is one of the values
themselves, which keeps the sums small and equal values exactly equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray

OUT, IN = 0, 1
MIN_DEVIATION = 1e-30


@dataclass(frozen=True)
class Sums:
    """Power sums of both sides.

    Attributes:
        shift: float64 ``[A, N]``, taken from every value first.
        count: float64 ``[2, N]``, models of each side (OUT, IN).
        total: float64 ``[2, A, N]``, Σd.
        squares: float64 ``[2, A, N]``, Σd².
    """

    shift: FloatArray
    count: FloatArray
    total: FloatArray
    squares: FloatArray

    def without(self, values: FloatArray, members: BoolArray) -> Sums:
        """Return the sums less one model a record.

        Args:
            values: float64 ``[A, N]``, signals of that model.
            members: bool ``[N]``, whether that model was trained on the record.
        """
        less = Sums(self.shift, self.count.copy(), self.total.copy(), self.squares.copy())
        _add(less, values, members, -1.0)
        return less


def sums(signals: Iterable[FloatArray], members: BoolArray) -> Sums:
    """Return the sums of K models.

    Args:
        signals: float64 ``[A, N]`` of one model after the other, K ≥ 1; read once.
        members: bool ``[K, N]``.
    """
    start: Sums | None = None
    for values, inside in zip(signals, members, strict=True):
        if start is None:
            zeros = np.zeros((2, *values.shape))
            start = Sums(values, np.zeros((2, values.shape[1])), zeros, zeros.copy())
        _add(start, values, inside, 1.0)
    assert start is not None
    return start


def _add(into: Sums, values: FloatArray, members: BoolArray, sign: float) -> None:
    difference = values - into.shift
    for side, rows in ((OUT, ~members), (IN, members)):
        signed = sign * rows
        part = signed * difference
        into.count[side] += signed
        into.total[side] += part
        part *= difference
        into.squares[side] += part


@dataclass(frozen=True)
class SideMoments:
    """Mean and spread of one side.

    Attributes:
        count: float64 ``[N]``, models.
        mean: float64 ``[A, N]``; where there is no model, the other side's mean moved by the mean
            difference of the sides over all records.
        variance: float64 ``[A, N]``, divided by count (ddof = 0), within 4 ε Σd²; where there are
            fewer than two models, the pooled one.
        pooled: float64 ``[A]``, Σ squared deviations / Σ (count − 1) over all records.
    """

    count: FloatArray
    mean: FloatArray
    variance: FloatArray
    pooled: FloatArray

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation, float64 ``[A, N]``, at least ``MIN_DEVIATION``."""
        return np.sqrt(self.variance) + MIN_DEVIATION

    def log_density(self, values: FloatArray) -> FloatArray:
        """Return log N(values; mean, variance), float64 ``[A, N]``."""
        standard = (values - self.mean) / self.deviation
        return np.asarray(-0.5 * standard**2 - np.log(self.deviation) - 0.5 * math.log(2 * math.pi))

    def with_one_variance(self) -> SideMoments:
        """Return the same means with the pooled variance for every record."""
        return replace(self, variance=np.broadcast_to(self.pooled[:, None], self.variance.shape))


def moments(of: Sums) -> tuple[SideMoments, SideMoments]:
    """Return the moments OUT and IN; at least one side of one record must hold a model.

    A side that no record has keeps the mean of the other and a pooled variance of the other.
    """
    count = of.count[:, None, :]
    several = np.maximum(count, 1)
    centred = of.total / several
    mean_square = of.squares / several
    variance = mean_square - centred**2
    # Below this lies what rounding leaves of equal values.
    noise = 4 * np.finfo(np.float64).eps * several * mean_square
    variance = np.where(variance > noise, variance, 0.0)
    pooled = _pooled(count, variance)
    mean = of.shift + _filled_means(count > 0, centred)
    variance = np.where(count >= 2, variance, pooled[:, :, None])
    outside, inside = (
        SideMoments(of.count[side], mean[side], variance[side], pooled[side]) for side in (OUT, IN)
    )
    return outside, inside


def pool_sides(outside: SideMoments, inside: SideMoments) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance (ddof = 0) over the models of both sides, float64 ``[A, N]`` each.

    A side with a single model counts with the pooled variance, as everywhere.
    """
    both = np.maximum(outside.count + inside.count, 1)
    shares = outside.count / both, inside.count / both
    mean = shares[OUT] * outside.mean + shares[IN] * inside.mean
    within = shares[OUT] * outside.variance + shares[IN] * inside.variance
    between = shares[OUT] * shares[IN] * (inside.mean - outside.mean) ** 2
    return mean, within + between


def _pooled(count: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the pooled variance of each side and augmentation, ``[2, A]``."""
    deviations = (count * variance).sum(axis=2)
    freedom = np.maximum(count - 1, 0).sum(axis=2)
    pooled = deviations / np.maximum(freedom, 1)
    return np.asarray(np.where(freedom > 0, pooled, pooled[::-1]))


def _filled_means(known: BoolArray, centred: FloatArray) -> FloatArray:
    both = known[OUT] & known[IN]
    difference = np.where(both, centred[IN] - centred[OUT], 0.0)
    gap = difference.sum(axis=1, keepdims=True) / max(1, np.count_nonzero(both))
    filled = np.empty_like(centred)
    filled[OUT] = np.where(known[OUT], centred[OUT], centred[IN] - gap)
    filled[IN] = np.where(known[IN], centred[IN], centred[OUT] + gap)
    return filled
