"""Correlation coefficients with bootstrap intervals over examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.stats.bootstrap import DRAWS, percentile_interval, resamples
from imprint.stats.checks import pair
from imprint.stats.estimate import Estimate
from imprint.stats.ranks import midranks


def pearson(
    first: ArrayLike, second: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Return Pearson's correlation of ``[n]`` and ``[n]`` with its bootstrap interval.

    Resamples in which either side is constant have no correlation and are left out.

    Raises:
        ImprintError: fewer than 3 pairs, lengths that differ, a value that is not finite, or a
            side that is constant.
    """
    one, other = _varying_pair(first, second)
    drawn = [
        _correlation(counts, one[None], other[None])
        for counts in resamples(random, len(one), draws)
    ]
    return _estimate(one, other, np.concatenate(drawn))


def spearman(
    first: ArrayLike, second: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Return Spearman's rank correlation (midranks for ties) with its bootstrap interval.

    Every resample is ranked anew. Where all pairs are in the same order, so is every resample: the
    interval is then that of Bonett and Wright (2000) about the next lower value that n pairs can
    have. Arguments and errors as :func:`pearson`.
    """
    one, other = _varying_pair(first, second)
    drawn = [
        _correlation(counts, midranks(one, counts), midranks(other, counts))
        for counts in resamples(random, len(one), draws)
    ]
    estimate = _estimate(midranks(one), midranks(other), np.concatenate(drawn))
    if abs(estimate.value) < 1 - 1e-12:
        return estimate
    count, sign = len(one), 1 if estimate.value > 0 else -1
    below = 1 - 6 / (count * (count**2 - 1))
    reach = float(ndtri(0.975)) * ((1 + below**2 / 2) / max(1, count - 3)) ** 0.5
    low = float(np.tanh(np.arctanh(below) - reach))
    interval = (low, 1.0) if sign > 0 else (-1.0, -low)
    return Estimate(estimate.value, interval, count)


def _varying_pair(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    one, other = pair(first, second, ("first", "second"), at_least=3)
    for values, name in ((one, "first"), (other, "second")):
        if np.all(values == values[0]):
            raise ImprintError(f"the correlation is undefined: {name} is constant")
    return one - one.mean(), other - other.mean()


def _estimate(one: FloatArray, other: FloatArray, drawn: FloatArray) -> Estimate:
    once = np.ones((1, len(one)), dtype=np.int64)
    value = float(_correlation(once, one[None], other[None])[0])
    return Estimate(value, percentile_interval(drawn[np.isfinite(drawn)], count=len(one)), len(one))


def _correlation(counts: NDArray[np.int64], one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the correlation in each resample, ``[draws]``; NaN where a side is constant.

    Each side lies about 0, so that the mean of equal values rounds by next to nothing.

    Args:
        counts: ``[draws, n]``, how often each pair was drawn.
        one: ``[draws, n]`` or ``[1, n]``.
        other: ``[draws, n]`` or ``[1, n]``.
    """
    weights = counts / counts.sum(axis=1, keepdims=True)
    one = one - (weights * one).sum(axis=1, keepdims=True)
    other = other - (weights * other).sum(axis=1, keepdims=True)
    together = (weights * one * other).sum(axis=1)
    spread = np.sqrt((weights * one**2).sum(axis=1) * (weights * other**2).sum(axis=1))
    # A constant side leaves the rounding of its mean, never a spread of this size or more.
    varies = spread > 1e-14 * np.abs(one).max() * np.abs(other).max()
    safe = np.where(varies, spread, 1.0)
    return np.where(varies, np.clip(together / safe, -1, 1), np.nan)
