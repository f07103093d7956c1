"""BaVarIA's predictives: one normal-inverse-gamma prior a side, from all entries of that side.

Prior of a side: m₀ and s² are mean and variance (ddof = 0) of all its entries, over records and
models; κ₀ = 1. A record's n models of mean x̄ and sum of squared deviations SS give κ = κ₀ + n,
α = α₀ + n/2 and β = β₀ + ½SS + κ₀n(x̄ − m₀)²/(2κ).

- Student-t: α₀ = 2, β₀ = s²(α₀ − 1); 2α degrees of freedom, location (κ₀m₀ + nx̄)/κ, squared scale
  β(κ + 1)/(ακ).
- Normal: α₀ = 1, β₀ = s²; mean x̄, not shrunk, and variance β/(α − 1), or β where α = 1.

A side without a model is its prior. s² holds the spread *between* records, and the prior takes it
for that *within* a record: OUT values (−1, 1) and (9, 11) of two records give s² = 26, where the
spread of each is 1. With few models that flattens all densities alike. It is kept as published;
:mod:`imprint.lenses.membership.attack_kit.shrinkage` fits the prior to the spread within.

arXiv 2603.11799 and its released code. O(A·N) a target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.lira_moments import SideMoments
from imprint.lenses.membership.attack_kit.shrinkage import StudentT

PRIOR_MODELS = 1.0
"""κ₀: models that the prior mean counts for."""
MIN_RELATIVE_SPREAD = 1e-9
"""Spread below this share of the mean is rounding of signals that never change."""


@dataclass(frozen=True)
class GlobalPrior:
    """Mean m₀ and variance s² of all entries of a side, float64 ``[A, 1]`` each."""

    mean: FloatArray
    variance: FloatArray

    @property
    def is_constant(self) -> bool:
        """Whether the entries differ by no more than rounding."""
        rounding = (MIN_RELATIVE_SPREAD * np.abs(self.mean)) ** 2 + 1e-60
        return bool((self.variance <= rounding).all())


def fit_prior(side: SideMoments) -> GlobalPrior:
    """Return the prior of a side; one that no record has takes the filled means of the moments."""
    weight = side.count if side.count.any() else np.ones_like(side.count)
    total = weight.sum()
    mean = (weight * side.mean).sum(axis=1, keepdims=True) / total
    squares = _deviations(side) + weight * (side.mean - mean) ** 2
    return GlobalPrior(mean, squares.sum(axis=1, keepdims=True) / total)


def without_models(side: SideMoments) -> SideMoments:
    """Return a side as an attacker knows it who has only its prior."""
    return replace(side, count=np.zeros_like(side.count))


def student_predictive(side: SideMoments, prior: GlobalPrior) -> StudentT:
    """Return the Student-t of a further model, α₀ = 2."""
    total, shape, rate = _posterior(side, prior, 2.0)
    location = (PRIOR_MODELS * prior.mean + side.count * _means(side, prior)) / total
    scale = np.sqrt(rate * (total + 1) / (shape * total))
    freedom = np.broadcast_to(2 * shape, location.shape)
    return StudentT(freedom, location, scale)


def normal_predictive(side: SideMoments, prior: GlobalPrior) -> SideMoments:
    """Return the normal distribution of a further model, α₀ = 1, as mean and variance."""
    _, shape, rate = _posterior(side, prior, 1.0)
    variance = np.where(shape > 1, rate / np.where(shape > 1, shape - 1, 1.0), rate)
    return replace(side, mean=_means(side, prior), variance=variance)


def _posterior(
    side: SideMoments, prior: GlobalPrior, shape: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return κ and α, float64 ``[N]``, and β, float64 ``[A, N]``."""
    total = PRIOR_MODELS + side.count
    moved = PRIOR_MODELS * side.count / (2 * total) * (_means(side, prior) - prior.mean) ** 2
    rate = prior.variance * max(shape - 1, 1.0) + _deviations(side) / 2 + moved
    return total, shape + side.count / 2, rate


def _means(side: SideMoments, prior: GlobalPrior) -> FloatArray:
    return np.asarray(np.where(side.count > 0, side.mean, prior.mean))


def _deviations(side: SideMoments) -> FloatArray:
    """Return SS, float64 ``[A, N]``: the variance of a single model is filled in, and its SS 0."""
    return np.asarray(np.where(side.count >= 2, side.count * side.variance, 0.0))
