"""Quantile regression: the target's signal above what is expected of such a record.

On population records a linear quantile regression predicts a high quantile of the target's φ from
what the references say of the record (mean and standard deviation of the plain record's φ);
score = φ(x) − q̂(x). Calling members above 0 has a false positive rate of 1 − level on the
population. For candidates the references are their OUT models, as those of a population record
are. Without references the prediction is one number, the quantile of the population.

After Bertran, Tang, Kearns, Morgenstern, Roth, Wu 2023, "Scalable Membership Inference Attacks via
Quantile Regression", who regress on the record itself.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import DIRECTION, Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("quantile", reads=("phi", "log_curvature"), population=True)
def quantile(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return the signal above the predicted quantile, float64 ``[N]``."""
    level = options.population_quantile
    sign = DIRECTION[kind]
    values = sign * evidence.of_target(kind)[0]
    population = sign * evidence.of_population(kind)[0]
    features = _features(evidence, kind, sign)
    if features is None:
        return np.asarray(values - np.quantile(population, level))
    of_records, of_population = features
    return np.asarray(values - _predict(of_population, population, of_records, level))


def _features(evidence: Evidence, kind: str, sign: float) -> tuple[FloatArray, FloatArray] | None:
    """Return mean and deviation under OUT models, ``[N, 2]`` and ``[Q, 2]``."""
    judges = evidence.references
    if judges is None or not judges.counts[0].any():
        return None
    signals = judges.population(kind)
    if signals is None or len(signals) == 0:
        return None
    outside, _ = judges.moments(kind)
    records = np.stack([sign * outside.mean[0], np.sqrt(outside.variance[0])], axis=1)
    plain = sign * signals[:, 0]
    return records, np.stack([plain.mean(axis=0), plain.std(axis=0)], axis=1)


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
