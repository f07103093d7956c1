"""Quantiles with intervals that hold whatever the distribution."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.stats.checks import sample
from imprint.stats.estimate import Estimate


def quantile(values: ArrayLike, share: float, population: int | None = None) -> Estimate:
    """Return a quantile of what ``values`` were drawn from.

    The interval runs between two order statistics: the number of values below the true quantile is
    binomial, so it covers with at least 95 % (David, Nagaraja, "Order statistics", 2003, section
    7.1). Draws without replacement only do better; of a whole population the interval is the value.

    >>> quantile(range(1, 101), 0.5)
    Estimate(value=50.5, ci95=(40.0, 61.0), n=100)

    Args:
        values: draws, ``[n]``.
        share: of the distribution below the quantile, in (0, 1).
        population: how many there were to draw from without replacement, if finite.

    Raises:
        ImprintError: no draw, NaN, or too few draws for an interval.
    """
    ordered = np.sort(sample(values, "values"))
    count = len(ordered)
    value = float(np.quantile(ordered, share))
    if population is not None and count >= population:
        return Estimate(value, (value, value), count)
    low, high = int(binom.ppf(0.025, count, share)), int(binom.ppf(0.975, count, share)) + 1
    if low < 1 or high > count:
        rarer = max(share, 1 - share)
        raise ImprintError(
            f"{count} draws are too few for an interval of the {share:g} quantile: "
            f"draw at least {math.ceil(math.log(0.025) / math.log(rarer))}"
        )
    return Estimate(value, (float(ordered[low - 1]), float(ordered[high - 1])), count)
