"""What every statistic asks of its samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers


def sample(values: ArrayLike, name: str, at_least: int = 1) -> FloatArray:
    """Return ``values`` as float64 ``[n]``.

    Raises:
        ImprintError: not one axis, fewer than ``at_least`` values, or one is NaN or infinite.
    """
    array = as_numbers(values, name)
    if array.ndim != 1:
        raise ImprintError(f"{name} must have one axis, got shape {list(array.shape)}")
    if len(array) < at_least:
        raise ImprintError(f"{name} must hold at least {at_least} values, got {len(array)}")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ImprintError(f"{name} is {array[row]} in row {row}: leave such examples out")
    return array


def pair(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str], at_least: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return two samples of the same examples.

    Raises:
        ImprintError: as :func:`sample`, or the lengths differ.
    """
    one, other = sample(first, names[0], at_least), sample(second, names[1], at_least)
    if len(one) != len(other):
        raise ImprintError(
            f"{names[0]} has {len(one)} values and {names[1]} {len(other)}: "
            "both must be of the same examples"
        )
    return one, other
