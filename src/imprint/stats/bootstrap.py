"""The bootstrap over examples: percentile intervals of means and of paired differences.

Efron (1979). Whole rows are drawn, so what belongs to one example stays together. Resamples are
held as how often each row was drawn, a chunk of them at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.stats.checks import pair, sample
from imprint.stats.estimate import Estimate
from imprint.stats.paired_difference import widen_rare_pairs
from imprint.stats.proportion import FEW_EVENTS, widen_rare_share

DRAWS = 2000
CHUNK_VALUES = 4_000_000


def resamples(
    random: np.random.Generator, count: int, draws: int = DRAWS
) -> Iterator[NDArray[np.int64]]:
    """Yield how often each of ``count`` rows is in each resample, int64 ``[chunk, count]``.

    Args:
        random: from :func:`imprint.core.seeds.generator`.
        count: rows of the sample, and of each resample.
        draws: resamples in all.
    """
    size = max(1, CHUNK_VALUES // max(1, count))
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        picks = random.integers(0, count, size=(rows, count))
        picks += np.arange(rows)[:, None] * count
        yield np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)


def bootstrap_means(
    values: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> FloatArray:
    """Return the column means of resampled rows, float64 ``[draws, v]``.

    Equal rows are drawn together: among u different rows the resampled counts are multinomial,
    so binary outcomes cost O(draws · u) instead of O(draws · n).

    Args:
        values: ``[n, v]``, one row an example.
        random: from :func:`imprint.core.seeds.generator`.
        draws: resamples.

    Raises:
        ImprintError: no rows, or a value that is not finite.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or len(rows) == 0:
        raise ImprintError(f"bootstrap: values must be [n, v], n ≥ 1, got {list(rows.shape)}")
    if not np.isfinite(rows).all():
        raise ImprintError("bootstrap: a value is not finite: leave such examples out")
    different, counts = np.unique(rows, axis=0, return_counts=True)
    if 4 * len(different) <= len(rows):
        size = max(1, CHUNK_VALUES // len(different))
        means = [
            random.multinomial(len(rows), counts / len(rows), min(size, draws - start)) @ different
            for start in range(0, draws, size)
        ]
        return np.concatenate(means) / len(rows)
    return np.concatenate(
        [chunk @ rows / len(rows) for chunk in resamples(random, len(rows), draws)]
    )


def percentile_interval(
    draws: ArrayLike, confidence: float = 0.95, count: int | None = None
) -> tuple[float, float]:
    """Return the central ``confidence`` share of bootstrap draws ``[draws]``.

    Args:
        draws: of one statistic.
        confidence: in (0, 1).
        count: examples that were resampled. A resample spreads by the variance over n where n − 1
            is unbiased, and its ends are a normal's where the variance is not known: with a count
            the tails are those that make the interval of a mean Student's (Hesterberg 2015,
            "expanded percentile interval"). Without, at n = 12, 95 % cover 88 to 91 %.
    """
    tail = (1 - confidence) / 2
    if count is not None and count > 1:
        reach = (count / (count - 1)) ** 0.5 * float(stdtrit(count - 1, 1 - tail))
        tail = float(ndtr(-reach))
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    return float(low), float(high)


def mean(values: ArrayLike, random: np.random.Generator, draws: int = DRAWS) -> Estimate:
    """Return the mean of ``[n]`` values with its bootstrap interval.

    Raises:
        ImprintError: no values, or one that is not finite.
    """
    rows = sample(values, "values")
    drawn = bootstrap_means(rows[:, None], random, draws)[:, 0]
    interval = percentile_interval(drawn, count=len(rows))
    return Estimate(float(rows.mean()), interval, len(rows))


def mean_share(values: ArrayLike, random: np.random.Generator, draws: int = DRAWS) -> Estimate:
    """Return the mean of ``[n]`` shares in [0, 1], such as accuracies, with its interval.

    As :func:`mean`, and wide enough where few examples decide
    (:func:`imprint.stats.proportion.widen_rare_share`): shares that are all 1 are no certainty.
    """
    estimate = mean(values, random, draws)
    share = min(1.0, max(0.0, estimate.value))
    return Estimate(estimate.value, widen_rare_share(estimate.ci95, share, estimate.n), estimate.n)


def mean_count(
    values: ArrayLike, random: np.random.Generator, unit: float, draws: int = DRAWS
) -> Estimate:
    """Return the mean of ``[n]`` multiples of a unit, such as cells reached, with its interval.

    As :func:`mean`, and wide enough where most are 0: a bootstrap cannot draw what the sample does
    not hold, and of 20 counts of mean 0.05 it covers 62 %. Where at most half of the values, and
    fewer than ``FEW_EVENTS``, differ from 0, the interval also holds the normal one of the values
    and two more, one unit beyond the largest to either side.

    Args:
        values: ``[n]``, also below 0.
        random: from :func:`imprint.core.seeds.generator`.
        unit: least that a value can differ from 0 by.
        draws: resamples.
    """
    rows = sample(values, "values")
    estimate = mean(rows, random, draws)
    events = int((np.abs(rows) > unit / 2).sum())
    if events >= FEW_EVENTS or 2 * events > len(rows):
        return estimate
    most = float(np.abs(rows).max()) + unit
    more = np.concatenate([rows, [most, -most]])
    reach = float(ndtri(0.975)) * float(more.std()) / len(more) ** 0.5
    low, high = float(more.mean()) - reach, float(more.mean()) + reach
    return Estimate(estimate.value, (min(estimate.low, low), max(estimate.high, high)), estimate.n)


def mean_difference(
    first: ArrayLike, second: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Return mean(first) − mean(second) over the same examples, with its paired interval.

    Args:
        first: ``[n]``.
        second: ``[n]``, of the same examples.
        random: from :func:`imprint.core.seeds.generator`.
        draws: resamples.

    Raises:
        ImprintError: no values, lengths that differ, or a value that is not finite.
    """
    one, other = pair(first, second, ("first", "second"))
    return mean(one - other, random, draws)


def mean_share_difference(
    first: ArrayLike, second: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Return the difference of two mean shares in [0, 1], such as accuracies, on the same examples.

    As :func:`mean_difference`, and wide enough where few examples decide
    (:func:`imprint.stats.paired_difference.widen_rare_pairs`).
    """
    estimate = mean_difference(first, second, random, draws)
    one, other = pair(first, second, ("first", "second"))
    return Estimate(estimate.value, widen_rare_pairs(estimate.ci95, one - other), estimate.n)
