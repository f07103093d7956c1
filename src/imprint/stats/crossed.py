"""Means over units that are all measured with the same other units.

Targets judged on the same records, say, or records measured by the same networks. Two things are
drawn, units a and units b, and every a is measured with every b. The spread over a alone says too
little: the more of them, the smaller it gets, while what all owe to the choice of b
stays. The variance of the mean over a is

    V = V_a + V_b − V_both

with V_a from the spread over a, and V_b from the delete-a-group jackknife over b (Kott 2001). Both
hold what is particular to one a with one b; the jackknife of every a by itself tells how much that
is, and it is taken off once (Owen, "The pigeonhole bootstrap", 2007).
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from imprint.core.arrays import FloatArray


def crossed_reach(values: FloatArray, without: FloatArray) -> FloatArray:
    """Return half the width of the 95 % interval of means over a, ``[…]``.

    By Student's t with Satterthwaite's (1946) degrees of freedom of the two parts. Arguments as
    :func:`crossed_variance`.
    """
    variance, freedom = crossed_variance(values, without)
    return np.asarray(stdtrit(freedom, 0.975) * np.sqrt(variance))


def crossed_variance(values: FloatArray, without: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the variance of means over a and its degrees of freedom, ``[…]`` each.

    The variance is at least the larger of the two parts: what is taken off is an estimate too.

    Args:
        values: float64 ``[a, …]``, of each of two units or more.
        without: float64 ``[g, a, …]``, the same without each of g ≥ 2 groups of the units b; units
            a that cannot be measured without a group may be left out of all.
    """
    count, groups = len(values), len(without)
    spread = values.var(axis=0, ddof=1) / count
    shared = _jackknife(without.mean(axis=1))
    both = (_jackknife(without).mean(axis=0) - shared) / max(1, without.shape[1] - 1)
    total = spread + shared
    variance = np.maximum(total - np.maximum(both, 0), np.maximum(spread, shared))
    parts = spread**2 / (count - 1) + shared**2 / (groups - 1)
    freedom = np.divide(total**2, parts, out=np.ones_like(parts), where=parts > 0)
    return variance, freedom


def _jackknife(without: FloatArray) -> FloatArray:
    """Return the delete-a-group variance over axis 0."""
    return np.asarray((len(without) - 1) * without.var(axis=0))
