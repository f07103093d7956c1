"""QMIA: the target's signal against the distribution that is expected of such a record.

A regression on population records, which the target was not trained on, predicts the distribution
of the target's signal from what is known of a record without the target: ``features`` (its class,
an embedding) and mean and deviation under OUT reference models. With ``gaussian`` it predicts μ and
σ and the score is (s − μ) / σ; with ``pinball`` it predicts 41 quantiles of levels 1 − 10ᵘ, u from
−4 to 0, and the score is −u where s stands among them. Without features and references the
distribution is the population's for every record. Per record one forward pass of the target.

Bertran, Tang, Kearns, Morgenstern, Roth, Wu 2023, "Scalable Membership Inference Attacks via
Quantile Regression"; ``quantile`` is one quantile, linear in the reference models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Checked
from imprint.lenses.membership.attack_kit.attack import DIRECTION, THRESHOLD_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.distribution_regression import (
    fit_gaussian,
    fit_quantiles,
)
from imprint.lenses.membership.attack_kit.reference_features import out_features

FEATURES = "features"
EXPONENTS = np.linspace(0.0, -4.0, 41)
"""u of the levels 1 − 10ᵘ, ascending in the level."""


@dataclass(frozen=True)
class QmiaOptions(Checked):
    """Settings of the regression."""

    mode: Literal["gaussian", "pinball"] = "gaussian"
    """Predict mean and deviation, or quantiles."""
    seed: int = 0
    """Of initial weights and of the part that early stopping holds out."""


@attack("qmia", reads=THRESHOLD_KINDS, population=True, options=QmiaOptions)
def qmia(evidence: Evidence, kind: str, options: QmiaOptions) -> FloatArray:
    """Return how far the signal lies above what is expected, float64 ``[N]``."""
    sign = DIRECTION[kind]
    values = sign * evidence.target_values(kind)[0]
    population = sign * evidence.population_values(kind)[0]
    records, others = _features(evidence, kind, sign)
    if options.mode == "gaussian":
        mean, deviation = fit_gaussian(others, population, options.seed)(records).T
        return np.asarray((values - mean) / deviation)
    quantiles = fit_quantiles(others, population, 1 - 10**EXPONENTS, options.seed)(records)
    return place_among(values, quantiles)


def place_among(values: FloatArray, quantiles: FloatArray) -> FloatArray:
    """Return −u of each value, linear between its record's quantiles, float64 ``[N]``.

    Beyond the first and the last quantile it goes on with the mean slope between them.

    Args:
        values: float64 ``[N]``.
        quantiles: of the levels 1 − 10ᵘ, float64 ``[N, 41]``, ascending.
    """
    last = quantiles.shape[1] - 1
    above = np.clip((quantiles <= values[:, None]).sum(axis=1), 1, last)
    low, high = (np.take_along_axis(quantiles, (above - at)[:, None], 1)[:, 0] for at in (1, 0))
    width = np.maximum(quantiles[:, -1] - quantiles[:, 0], np.finfo(np.float64).tiny)
    inside = np.clip((values - low) / np.where(high > low, high - low, 1.0), 0, 1)
    beyond = np.maximum(values - quantiles[:, -1], 0) + np.minimum(values - quantiles[:, 0], 0)
    step = -EXPONENTS[-1] / last
    return np.asarray((above - 1 + inside) * step - EXPONENTS[-1] * beyond / width)


def _features(evidence: Evidence, kind: str, sign: float) -> tuple[FloatArray, FloatArray]:
    """Return what is known of records without the target, ``[N, F]`` and ``[Q, F]``, F ≥ 0."""
    counts = evidence.target[kind].shape[-1], evidence.population[kind].shape[-1]
    parts = [tuple(np.zeros((count, 0)) for count in counts)]
    of_references = out_features(evidence, kind, sign)
    if of_references is not None:
        parts.append(of_references)
    if FEATURES in evidence.target and FEATURES in evidence.population:
        parts.append((evidence.target[FEATURES].T, evidence.population[FEATURES].T))
    records, others = (np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True))
    return records, others
