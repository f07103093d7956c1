"""The output of the right class less those of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray


def label_margins(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> FloatArray:
    """Return the logit of the label less log Σ exp of the others, ``[S, q]`` of ``[S, q, c]``."""
    values = logits.astype(np.float64)
    own = np.take_along_axis(values, labels[None, :, None], axis=2)[..., 0]
    others = values.copy()
    np.put_along_axis(others, labels[None, :, None], -np.inf, axis=2)
    margins: FloatArray = own - np.logaddexp.reduce(others, axis=2)
    return margins
