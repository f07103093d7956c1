"""How unsure a network is of an input, from the probabilities of its classes.

Higher is less sure. Baselines of test prioritisation: they need one forward pass and no training
data (Feng et al. 2020, "DeepGini"; Weiss and Tonella 2022 found none better).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import entr

from imprint.core.arrays import FloatArray


def max_probability(probabilities: FloatArray) -> FloatArray:
    """Return 1 − the largest probability, float64 ``[M]``."""
    return np.asarray(1 - probabilities.max(1))


def margin(probabilities: FloatArray) -> FloatArray:
    """Return 1 − the lead of the largest probability over the second, float64 ``[M]``."""
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    return np.asarray(1 - (first - second))


def entropy(probabilities: FloatArray) -> FloatArray:
    """Return the entropy in nats, float64 ``[M]``."""
    return np.asarray(entr(probabilities).sum(1))


def deepgini(probabilities: FloatArray) -> FloatArray:
    """Return 1 − Σ p², float64 ``[M]``: the chance that two draws of a class differ."""
    return np.asarray(1 - np.square(probabilities).sum(1))


UNCERTAINTIES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "deepgini": deepgini,
    "entropy": entropy,
    "margin": margin,
    "max_probability": max_probability,
}
"""By name; each takes float64 ``[M, C]``, rows of sum 1, C ≥ 2."""
