"""Quantile regression: the target's signal above what is expected of such a record.

On population records a linear quantile regression predicts a high quantile of the target's φ from
mean and standard deviation of the plain record's φ under the reference models;
score = φ(x) − q̂(x). Calling members above 0 has a false positive rate of 1 − level on the
population. For candidates the references are their OUT models, as those of a population record
are. Without references the prediction is one number, the quantile of the population.

After Bertran, Tang, Kearns, Morgenstern, Roth, Wu 2023, "Scalable Membership Inference Attacks via
Quantile Regression", who regress on the record itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import DIRECTION, THRESHOLD_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.reference_features import out_features


@dataclass(frozen=True)
class QuantileOptions(Checked):
    """Settings of the quantile regression."""

    level: Annotated[float, Bounds(above=0, below=1)] = 0.95
    """Which quantile of the population's signal is regressed."""


@attack("quantile", reads=THRESHOLD_KINDS, population=True, options=QuantileOptions)
def quantile(evidence: Evidence, kind: str, options: QuantileOptions) -> FloatArray:
    """Return the signal above the predicted quantile, float64 ``[N]``."""
    sign = DIRECTION[kind]
    values = sign * evidence.target_values(kind)[0]
    population = sign * evidence.population_values(kind)[0]
    features = out_features(evidence, kind, sign)
    if features is None:
        return np.asarray(values - np.quantile(population, options.level))
    of_records, of_population = features
    return np.asarray(values - _predict(of_population, population, of_records, options.level))


def _predict(
    features: FloatArray, values: FloatArray, wanted: FloatArray, level: float
) -> FloatArray:
    from sklearn.linear_model import QuantileRegressor

    centre, spread = features.mean(axis=0), features.std(axis=0)
    varied = spread > 1e-12 * np.abs(features).max(axis=0)
    if not varied.any():
        return np.full(len(wanted), np.quantile(values, level))
    scale = np.where(varied, spread, 1.0)
    fit = QuantileRegressor(quantile=level, alpha=0.0, solver="highs")
    fit.fit(((features - centre) / scale)[:, varied], values)
    return np.asarray(fit.predict(((wanted - centre) / scale)[:, varied]))
