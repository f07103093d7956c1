"""Logistic regression with a ridge that draws the weights towards given ones.

Minimised is Σ log(1 + exp(−±η)) + ½ λ ‖w − w₀‖², η = intercept + X·w, the sign that of the class;
the intercept is free. Newton steps, halved where the sum would grow: O(M·F²) each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from imprint.core.arrays import BoolArray, FloatArray

MAX_STEPS = 50
MAX_LAST_STEP = 1e-8


@dataclass(frozen=True)
class LogisticModel:
    """A linear predictor of log odds.

    Attributes:
        weights: float64 ``[F]``.
        intercept: of the log odds.
    """

    weights: FloatArray
    intercept: float

    def log_odds(self, features: FloatArray) -> FloatArray:
        """Return the log odds of rows of features, float64 ``[n]`` of ``[n, F]``."""
        return np.asarray(features @ self.weights + self.intercept)


def fit_logistic(
    features: FloatArray, positive: BoolArray, ridge: float, towards: FloatArray
) -> LogisticModel:
    """Return the fit.

    Args:
        features: float64 ``[M, F]``, finite, each of a spread near 1.
        positive: bool ``[M]``; with one class alone the weights are those given.
        ridge: λ, above 0.
        towards: w₀, float64 ``[F]``.
    """
    if positive.all() or not positive.any():
        return LogisticModel(towards, 0.0)
    rows = np.column_stack([features, np.ones(len(features))])
    centre = np.append(towards, 0.0)
    penalty = np.append(np.full(len(towards), ridge), 0.0)
    sign = np.where(positive, 1.0, -1.0)

    def objective(values: FloatArray) -> float:
        losses = np.logaddexp(0.0, -sign * (rows @ values))
        return float(losses.sum() + 0.5 * penalty @ (values - centre) ** 2)

    weights, current = centre, objective(centre)
    for _ in range(MAX_STEPS):
        odds = expit(rows @ weights)
        slope = rows.T @ (odds - positive) + penalty * (weights - centre)
        bend = (rows.T * (odds * (1 - odds))) @ rows + np.diag(penalty)
        step = np.linalg.lstsq(bend, slope, rcond=None)[0]
        share = 1.0
        while share > 1e-6 and objective(weights - share * step) > current:
            share /= 2
        weights = weights - share * step
        current = objective(weights)
        if np.abs(share * step).max() < MAX_LAST_STEP:
            break
    return LogisticModel(weights[:-1], float(weights[-1]))
