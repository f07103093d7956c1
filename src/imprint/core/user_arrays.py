"""Arrays as users give them: lists, NumPy arrays, tensors on any device, columns of data frames.

NumPy itself cannot convert a tensor that requires a gradient, lies on a GPU or holds bfloat16. It
takes a date for a number, cuts 0.5 to the class 0, and forgets the mask of a masked array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError, reason_of

_NUMBERS = "biuf"


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array of any type; a tensor without its gradient.

    Raises:
        ImprintError: rows of different lengths, masked values, or what is no array at all.

    >>> as_array([[1, 2], [3]], "scores")
    Traceback (most recent call last):
    imprint.core.errors.ImprintError: scores must be an array: give rows of one length
    """
    if hasattr(values, "detach"):
        values = _without_gradient(values, name)
    if np.ma.is_masked(values):
        raise ImprintError(f"{name} has masked values: leave those records out")
    try:
        return np.asarray(values)
    except Exception as error:  # objects say by code of their own what array they are
        raise ImprintError(f"{name} must be an array: give rows of one length") from error


def _without_gradient(values: Any, name: str) -> Any:
    """Return a tensor in main memory, without its gradient and in a type that NumPy has."""
    try:
        values = values.detach().cpu()
        return values.float() if str(values.dtype) == "torch.bfloat16" else values
    except Exception as error:  # on the meta device there are no numbers to copy
        raise ImprintError(
            f"{name} cannot be read ({reason_of(error)}): give an array, or a tensor that holds "
            "numbers"
        ) from error


def as_numbers(values: Any, name: str) -> FloatArray:
    """Return real numbers as float64; NaN and infinity stay.

    Raises:
        ImprintError: as :func:`as_array`, or something else than real numbers.

    >>> as_numbers(["low", "high"], "scores")
    Traceback (most recent call last):
    imprint.core.errors.ImprintError: scores must hold numbers, not <U4
    """
    array = as_array(values, name)
    if array.dtype.kind not in _NUMBERS:
        raise ImprintError(f"{name} must hold numbers, not {array.dtype}")
    return array.astype(np.float64)


def as_whole(values: Any, name: str) -> IntArray:
    """Return whole numbers as int64.

    Raises:
        ImprintError: as :func:`as_numbers`, or a number that is not whole or beyond 64 bits.

    >>> as_whole([0, 0.5], "labels")
    Traceback (most recent call last):
    imprint.core.errors.ImprintError: labels must hold whole numbers, got 0.5
    """
    array = as_array(values, name)
    numbers = as_numbers(array, name)
    wrong = ~(np.abs(numbers) < 2.0**63) | (numbers != np.round(numbers))
    if wrong.any():
        raise ImprintError(f"{name} must hold whole numbers, got {numbers[wrong].flat[0]:g}")
    return array.astype(np.int64)


def as_labels(values: Any, count: int, classes: int, name: str = "labels") -> IntArray:
    """Return the class of each of ``count`` examples, int64 ``[count]``.

    Raises:
        ImprintError: as :func:`as_whole`, not one class an example, or one outside [0, classes).

    >>> as_labels([0, 2], 2, classes=2)
    Traceback (most recent call last):
    imprint.core.errors.ImprintError: labels run from 0 to 2: they must lie in 0…1
    """
    labels = as_whole(values, name)
    if labels.ndim != 1:
        raise ImprintError(f"{name} must be [{count}], got shape {list(labels.shape)}")
    if len(labels) != count:
        raise ImprintError(f"{count} crops need as many {name}, got {len(labels)}")
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise ImprintError(
            f"{name} run from {labels.min()} to {labels.max()}: they must lie in 0…{classes - 1}"
        )
    return labels
