"""Predictive distributions that lend few models the strength of all records.

Each record and side has a normal distribution of its own, and their parameters a common
normal-inverse-gamma prior that is estimated from all records (empirical Bayes):

    1/σ² ~ Gamma(ν₀/2, ν₀σ₀²/2),   mean | σ² ~ N(m₀, σ²/κ₀)

The signal of a further model is then Student-t distributed. ν₀ and σ₀² are fitted to the log
sample variances by moments (Smyth 2004, section 6.2), κ₀ = σ₀²/τ² with τ² the variance of the
means beyond their sampling error. OUT means are drawn towards their global mean. IN means are
drawn towards the record's OUT mean plus the global gap: how far a record moves when it is trained
on is much alike between records, where it stands is not. Many models overrule the prior (per-record
LiRA); one model a side leaves the prior alone (global variance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, polygamma

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.lira_moments import SideMoments

MAX_FREEDOM = 1e6
"""Prior degrees of freedom where variances differ no more than by chance: practically normal."""


@dataclass(frozen=True)
class StudentT:
    """A Student-t distribution for each augmentation and record.

    Attributes:
        freedom: float64 ``[A, N]``.
        location: float64 ``[A, N]``.
        scale: float64 ``[A, N]``.
    """

    freedom: FloatArray
    location: FloatArray
    scale: FloatArray

    def log_density(self, values: FloatArray) -> FloatArray:
        """Return the log density at float64 ``[A, N]``."""
        standard = (values - self.location) / self.scale
        half = self.freedom / 2
        return np.asarray(
            gammaln(half + 0.5)
            - gammaln(half)
            - 0.5 * np.log(self.freedom * math.pi)
            - np.log(self.scale)
            - (half + 0.5) * np.log1p(standard**2 / self.freedom)
        )


def predictive(outside: SideMoments, inside: SideMoments) -> tuple[StudentT, StudentT]:
    """Return the predictive distributions of a further OUT and a further IN model.

    Args:
        outside: moments of the OUT models.
        inside: moments of the IN models.
    """
    centre = _mean_where(outside.mean, outside.count > 0)
    free_out, spread_out = _variance_prior(outside)
    between = _between(outside.mean, outside.count, spread_out)
    strength_out = np.broadcast_to(_ratio(spread_out, between), outside.mean.shape)
    location = np.broadcast_to(centre, outside.mean.shape)
    out, error = _posterior(outside, free_out, spread_out, location, strength_out)

    free_in, spread_in = _variance_prior(inside)
    known = (inside.count > 0) & (outside.count > 0)
    gap = _mean_where(inside.mean - outside.mean, known)
    pairs = np.where(
        known, 1 / (1 / _at_least_one(inside.count) + 1 / _at_least_one(outside.count)), 0
    )
    varied = _between(inside.mean - outside.mean, pairs, spread_in)
    # The prior mean of IN is itself uncertain by the error of the record's OUT mean.
    strength_in = 1 / (1 / _ratio(spread_in, varied) + error * spread_out / spread_in)
    within, _ = _posterior(inside, free_in, spread_in, out.location + gap, strength_in)
    return out, within


def _posterior(
    of: SideMoments,
    freedom: FloatArray,
    spread: FloatArray,
    location: FloatArray,
    strength: FloatArray,
) -> tuple[StudentT, FloatArray]:
    """Return the predictive and 1/κₙ, the squared error of its location over σ²."""
    count = of.count
    total = strength + count
    mean = (strength * location + count * of.mean) / total
    deviations = count * of.variance + strength * count / total * (of.mean - location) ** 2
    free = freedom + count
    # A record without models has no deviations of its own; its filled moments carry no weight.
    variance = (freedom * spread + np.where(count > 0, deviations, 0.0)) / free
    return StudentT(free, mean, np.sqrt(variance * (1 + 1 / total))), 1 / total


def _variance_prior(of: SideMoments) -> tuple[FloatArray, FloatArray]:
    """Return ν₀ and σ₀² of each augmentation, float64 ``[A, 1]`` each."""
    several = of.count >= 2
    less_one = of.count[several] - 1
    samples = of.variance[:, several] * (less_one + 1) / less_one
    fitted = [
        _fit(sample, less_one, pooled) for sample, pooled in zip(samples, of.pooled, strict=True)
    ]
    freedom, spread = np.array(fitted).T
    # Signals that never change leave the rounding of their means, which must not look like far.
    least = (1e-9 * np.abs(of.mean).max(axis=1)) ** 2 + 1e-60
    return freedom[:, None], np.maximum(spread, least)[:, None]


def _fit(variances: FloatArray, freedom: FloatArray, pooled: float) -> tuple[float, float]:
    if len(variances) < 2 or not (variances > 0).any():
        return MAX_FREEDOM, float(pooled)
    floored = np.maximum(variances, 1e-5 * np.median(variances[variances > 0]))
    logs = np.log(floored) - digamma(freedom / 2) + np.log(freedom / 2)
    excess = logs.var(ddof=1) - polygamma(1, freedom / 2).mean()
    if excess <= polygamma(1, MAX_FREEDOM / 2):
        return MAX_FREEDOM, float(pooled)
    prior = 2 * _inverse_trigamma(float(excess))
    return prior, float(np.exp(logs.mean() + digamma(prior / 2)) / (prior / 2))


def _inverse_trigamma(value: float) -> float:
    """Return x with ψ′(x) = value; x + ½ < 1/ψ′(x) + 1 brackets it."""
    return float(brentq(lambda x: 1 / polygamma(1, x) - 1 / value, 1e-8, 1 / value + 1))


def _between(means: FloatArray, count: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the variance of means beyond sampling error, float64 ``[A, 1]``, at least 0."""
    known = count > 0
    if np.count_nonzero(known) < 2:
        return np.zeros_like(spread)
    error = spread * (1 / count[known]).mean()
    variance = means[:, known].var(axis=1, ddof=1, keepdims=True)
    return np.asarray(np.maximum(variance - error, 0.0))


def _ratio(spread: FloatArray, between: FloatArray) -> FloatArray:
    """Return κ₀ = σ₀²/τ², between 1e-9 and the number that leaves the prior mean alone."""
    return np.asarray(np.maximum(spread / np.maximum(between, spread / MAX_FREEDOM), 1e-9))


def _mean_where(values: FloatArray, known: BoolArray) -> FloatArray:
    """Return the mean over known records, float64 ``[A, 1]``; 0 when none is known."""
    chosen = np.where(known, values, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(chosen / max(1, np.count_nonzero(known)))


def _at_least_one(count: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(count, 1))
