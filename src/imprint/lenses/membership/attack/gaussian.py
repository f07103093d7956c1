"""Normal densities of a signal under IN and under OUT models."""

from __future__ import annotations

import math

import numpy as np

from imprint.core.arrays import FloatArray

LEAST_DEVIATION = 1e-30


def log_density(values: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return log N(values; mean, σ² = variance), σ at least 1e-30; shapes broadcast."""
    deviation = np.sqrt(variance) + LEAST_DEVIATION
    standard = (values - mean) / deviation
    return np.asarray(-0.5 * standard**2 - np.log(deviation) - 0.5 * math.log(2 * math.pi))
