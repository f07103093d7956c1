"""Where axes begin and end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.report.marks import Axis, Numbers

LEAST_ROOM_DECADES = 0.01
DECADES = (-300.0, 300.0)
"""Powers of ten between which a logarithmic axis lies."""


def finite(values: Numbers | float) -> list[float]:
    """Return the finite ones of some numbers."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return [float(value) for value in array[np.isfinite(array)]]


def axis_range(axis: Axis, values: Sequence[float], pad: float) -> tuple[float, float]:
    """Return the ends of an axis: those described, else what the values need with some room."""
    if axis.log:
        powers = [float(np.log10(value)) for value in values if value > 0] or [0.0]
        low, high = min(powers), max(powers)
        room = max(pad * (high - low), LEAST_ROOM_DECADES) if low < high else 0.2
        low, high = (10.0 ** float(np.clip(end, *DECADES)) for end in (low - room, high + room))
    else:
        low, high = min(values, default=0.0), max(values, default=1.0)
        room = pad * max(high - low, 1e-9) if low < high else 0.5 * (abs(high) or 1.0)
        if pad or low == high:
            low, high = low - room, high + room
    low = low if axis.low is None else axis.low
    high = high if axis.high is None else axis.high
    return (low, high) if low < high else (low, low + 1.0)
