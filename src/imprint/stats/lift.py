"""How much more frequent something is among some examples than among others, with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from imprint.core.arrays import FloatArray

HALF = 0.5


def lift(
    counts: ArrayLike, examples: ArrayLike, other_counts: ArrayLike, other_examples: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ratios of two shares with their 95 % intervals, element by element.

    Half an example is added to every count (Walter 1975; Pettigrew, Gart, Thomas 1986), so that a
    ratio exists where nothing was counted; the interval is normal in the logarithm.

    >>> ratio, low, high = lift(8, 10, 20, 100)
    >>> round(float(ratio), 3), round(float(low), 3), round(float(high), 3)
    (3.969, 2.443, 6.446)

    Args:
        counts: k ≥ 0, in how many of the examples it is.
        examples: n ≥ k.
        other_counts: in how many of the others it is.
        other_examples: how many others.

    Returns:
        float64 ratio, lower end and upper end, in the common shape.
    """
    own, others = (
        (np.asarray(part, dtype=np.float64) + HALF, np.asarray(whole, dtype=np.float64) + HALF)
        for part, whole in ((counts, examples), (other_counts, other_examples))
    )
    logarithm = np.log(own[0] / own[1]) - np.log(others[0] / others[1])
    variance = 1 / own[0] - 1 / own[1] + 1 / others[0] - 1 / others[1]
    reach = float(ndtri(0.975)) * np.sqrt(np.maximum(variance, 0.0))
    return np.exp(logarithm), np.exp(logarithm - reach), np.exp(logarithm + reach)
