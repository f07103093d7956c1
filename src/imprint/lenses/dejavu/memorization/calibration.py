"""Temperature scaling: entropies of different references on one scale.

A network that was trained to the end is more confident than it is accurate, and Naive Bayes on
dependent tags far more so. Their entropies are comparable with one another, and with the entropy
of a vote, only after calibration (dejavu spec §10, T11). One temperature T > 0 a reference does it:

    p_T(c) ∝ p(c)^(1/T),    T minimises the mean of −ln p_T(label)

over predictions of crops that the reference was not trained on. In 1/T this is convex. The order
of classes stays, so accuracy does not move. One number from n crops: what a crop's own label adds
to it is of the order 1/n.

Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.findings import Calibration
from imprint.lenses.dejavu.memorization.references import tiles

MAX_LOG_TEMPERATURE = float(np.log(1000))
MAX_RELATIVE_ERROR = 1e-4
"""Of T."""


@dataclass(frozen=True)
class Calibrated:
    """A reference after calibration.

    Attributes:
        log_probabilities: ``[n, C]``, in nats, of the same type.
        temperature: T; above 1 where the reference was overconfident.
        loss_before: mean −ln p(label) in nats.
        loss_after: the same under T.
    """

    log_probabilities: FloatArray
    temperature: float
    loss_before: float
    loss_after: float

    @property
    def finding(self) -> Calibration:
        """Temperature and losses."""
        return Calibration(self.temperature, self.loss_before, self.loss_after)


def calibrate(log_probabilities: FloatArray, labels: IntArray) -> Calibrated:
    """Return a reference, calibrated by the temperature of least log loss.

    Args:
        log_probabilities: ``[n, C]``, normalised, of crops the reference was not trained on.
        labels: int64 ``[n]``, true classes.

    Raises:
        ImprintError: not one label per row, or labels outside [0, C).
    """
    if labels.shape != log_probabilities.shape[:1] or not len(labels):
        raise ImprintError(
            f"{len(log_probabilities)} predictions need as many labels, at least one, "
            f"got {len(labels)}"
        )
    if not 0 <= labels.min() <= labels.max() < log_probabilities.shape[1]:
        raise ImprintError(
            f"labels run from {labels.min()} to {labels.max()}, but the reference has "
            f"{log_probabilities.shape[1]} classes"
        )

    def loss(log_temperature: float) -> float:
        return mean_loss(log_probabilities, labels, float(np.exp(log_temperature)))

    bounds = (-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE)
    options = {"xatol": MAX_RELATIVE_ERROR}
    minimum = minimize_scalar(loss, bounds=bounds, method="bounded", options=options)
    temperature = float(np.exp(minimum.x))
    scaled = scale(log_probabilities, temperature)
    return Calibrated(scaled, temperature, loss(0.0), float(minimum.fun))


def scale(log_probabilities: FloatArray, temperature: float) -> FloatArray:
    """Return log-probabilities of p^(1/T), normalised, ``[n, C]`` of the same type."""
    scaled = np.empty_like(log_probabilities)
    for tile in tiles(len(scaled)):
        rows = log_probabilities[tile].astype(np.float64) / temperature
        scaled[tile] = rows - logsumexp(rows, axis=1, keepdims=True)
    return scaled


def mean_loss(log_probabilities: FloatArray, labels: IntArray, temperature: float = 1.0) -> float:
    """Return the mean of −ln p_T(label) in nats."""
    total = 0.0
    for tile in tiles(len(labels)):
        rows, truth = log_probabilities[tile].astype(np.float64) / temperature, labels[tile]
        total += float((logsumexp(rows, axis=1) - rows[np.arange(len(rows)), truth]).sum())
    return total / len(labels)
