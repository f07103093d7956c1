"""The five-number summary of a distribution: both ends, both quartiles and the median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.stats.checks import sample


@dataclass(frozen=True)
class FiveNumbers:
    """A distribution in five numbers (Tukey 1977).

    Attributes:
        low: the smallest value.
        quarter: the first quartile.
        median: of all.
        three_quarters: the third quartile.
        high: the largest value.
    """

    low: float
    quarter: float
    median: float
    three_quarters: float
    high: float


def five_numbers(values: ArrayLike) -> FiveNumbers:
    """Return the five-number summary of ``[n]``, quartiles interpolated.

    >>> five_numbers([4.0, 1.0, 2.0, 3.0])
    FiveNumbers(low=1.0, quarter=1.75, median=2.5, three_quarters=3.25, high=4.0)

    Raises:
        ImprintError: there are no values, or one is not finite.
    """
    return FiveNumbers(*np.quantile(sample(values, "values"), [0, 0.25, 0.5, 0.75, 1]).tolist())
