"""What sets a record apart: its place, or its label.

KL(out ‖ in) is a part ½c(z − log(1 + z)) that is there whatever the label, large far from the
rest, and a part ½za that the residual makes. At a small noise, or with many outputs, the first
is the larger one of nearly all records; so each part is held against its own median.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray


def label_stands_out(divergence: FloatArray, variance_part: FloatArray) -> NDArray[np.bool_]:
    """Return which records stand out by an unexpected label more than by their place.

    >>> label_stands_out(np.array([2.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [False, False, True]

    Args:
        divergence: KL(out ‖ in), ``[n]``.
        variance_part: the part that is there whatever the label, ``[n]``.
    """
    label_part = divergence - variance_part
    stands: NDArray[np.bool_] = label_part * np.median(variance_part) > variance_part * np.median(
        label_part
    )
    return stands
