"""Claims that are made together (Holm 1979); right whatever their dependence."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray


def holm(p_values: FloatArray) -> FloatArray:
    """Return p-values adjusted by Holm's rule: the i-th least of n times n + 1 − i, made rising.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]

    Args:
        p_values: float64 ``[n]``.
    """
    order = np.argsort(p_values, kind="stable")
    rising = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1.0, rising)
    return adjusted
