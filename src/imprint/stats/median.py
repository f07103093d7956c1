"""The median, with an interval that assumes nothing about the law.

The number of values below the true median is binomial(n, ½), so two order statistics enclose it
with at least the confidence asked for (Thompson 1936).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from imprint.stats.checks import sample
from imprint.stats.estimate import Estimate


def median(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Return the median of ``[n]`` values with the interval of order statistics.

    With fewer than six values no two of them reach 95 %, and the interval is their whole range.

    >>> median(range(1, 11))
    Estimate(value=5.5, ci95=(2.0, 9.0), n=10)

    Args:
        values: ``[n]``, n at least 1.
        confidence: chance, at least, that the interval holds the median.

    Raises:
        ImprintError: no values, or one that is not finite.
    """
    ordered = np.sort(sample(values, "values"))
    count = len(ordered)
    # The most values that can be left out at each end: P(B < skip) ≤ tail.
    skip = int(binom.ppf((1 - confidence) / 2, count, 0.5))
    skip = min(skip, (count - 1) // 2)
    low = ordered[max(skip - 1, 0)]
    high = ordered[min(count - skip, count - 1)]
    return Estimate(float(np.median(ordered)), (float(low), float(high)), count)
