r"""A likelihood ratio whose gap, spreads and base are each drawn towards those of all records.

LiRA estimates four numbers a record from few models. Here each is moderated by what the population
of records shows (empirical Bayes; moderated variances after Smyth 2004, carried to two correlated
spreads and to the gap). Of side s (0 OUT, 1 IN) of a record: n_s models, mean m_s, unbiased
variance v_s on f_s = n_s − 1 degrees of freedom.

- Spreads: z_s = ln v_s − ψ(f_s/2) + ln(f_s/2) estimates ln σ²_s with variance e_s = ψ′(f_s/2). Over
  records its prior has mean z̄ and covariance C = Cov(z) − diag(mean e), made positive. V_s is exp
  of the posterior mean. Where spreads inside and outside are alike, C is nearly singular and both
  sides are pooled by themselves; C → 0 is a common variance, C → ∞ is LiRA.
- Gap: d = m_1 − m_0 has variance s² = V_0/n_0 + V_1/n_1, its prior mean Σ(d/s²)/Σ(1/s²) and
  variance τ² = Var d − mean s²; g is the posterior mean, γ its variance.
- Base given the gap: b = (p_0 m_0 + p_1(m_1 − g))/Σp with p_s = n_s/V_s, its variance 1/Σp.
- A further model: N(b + g, V_1 + 1/Σp + γ(p_0/Σp)²) inside, N(b, V_0 + 1/Σp + γ(p_1/Σp)²) outside.

A record without models on a side takes the prior of the gap, one without two models on a side the
prior of its spread. O(A·N) a target.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import digamma, polygamma

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.lira_moments import IN, OUT, SideMoments

MIN_LOG_VARIANCE_SPREAD = 1e-4
"""Least eigenvalue of the prior covariance of log variances."""
MIN_GAP_SHARE = 1e-6
"""Least prior variance of the gap, as a share of its mean sampling variance."""
MIN_RELATIVE_VARIANCE = 1e-5
"""Variances below this share of their median are raised to it."""
MIN_RELATIVE_DEVIATION = 1e-9
"""Deviations below this share of the largest mean are rounding, and are raised to it."""


def moderate(outside: SideMoments, inside: SideMoments) -> tuple[SideMoments, SideMoments]:
    """Return the same sides with predictive means and variances, each augmentation by itself.

    Args:
        outside: moments of OUT models.
        inside: moments of IN models.
    """
    count = np.stack([outside.count, inside.count])
    mean, variance = np.empty((2, 2, *outside.mean.shape))
    for view in range(len(outside.mean)):
        mean[:, view], variance[:, view] = _moderate(
            count,
            np.stack([outside.mean[view], inside.mean[view]]),
            np.stack([outside.variance[view], inside.variance[view]]),
        )
    return (
        replace(outside, mean=mean[OUT], variance=variance[OUT]),
        replace(inside, mean=mean[IN], variance=variance[IN]),
    )


def _moderate(
    count: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return predictive means and variances of both sides; all are float64 ``[2, N]``."""
    spread = _moderated_variances(count, mean, variance)
    error = (spread / np.maximum(count, 1)).sum(axis=0)
    gap, gap_variance = _moderated_gap(mean[IN] - mean[OUT], error, count.min(axis=0) > 0)
    precision = count / spread
    total = precision.sum(axis=0)
    base = (precision[OUT] * mean[OUT] + precision[IN] * (mean[IN] - gap)) / total
    # A gap that is uncertain shifts the base by the part that the other side's models have in it.
    shift = gap_variance * (precision[::-1] / total) ** 2
    return np.stack([base, base + gap]), spread + 1 / total + shift


def _moderated_variances(count: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return V, float64 ``[2, N]``: variances of both sides, drawn towards those of all records."""
    freedom = np.maximum(count - 1, 1)
    unbiased = variance * (freedom + 1) / freedom
    # Signals that never change leave the rounding of their means, which must not look like spread.
    rounding = (MIN_RELATIVE_DEVIATION * np.abs(mean).max(axis=1, keepdims=True)) ** 2 + 1e-60
    known = (count >= 2) & (unbiased > rounding)
    medians = [
        np.median(side[rows]) if rows.any() else 0.0
        for side, rows in zip(unbiased, known, strict=True)
    ]
    floor = np.maximum(rounding, MIN_RELATIVE_VARIANCE * np.array(medians)[:, None])
    # Functions of few whole numbers: a table costs a fortieth of a call for every record.
    half = np.arange(1, int(freedom.max()) + 1) / 2
    place = freedom.astype(np.int64) - 1
    logs = np.log(np.maximum(unbiased, floor)) + (np.log(half) - digamma(half))[place]
    error = polygamma(1, half)[place]
    several = known.sum(axis=1)
    centre = np.where(known, logs, 0.0).sum(axis=1) / np.maximum(several, 1)
    centre = np.where(several > 0, centre, centre[::-1] if several.any() else np.log(floor[:, 0]))
    prior = _prior_covariance(logs, error, known)
    # A side of fewer than two models says nothing of its spread: infinite error.
    deviation = np.where(known, logs - centre[:, None], 0.0)
    s00 = prior[0, 0] + np.where(known[0], error[0], 1e12)
    s11 = prior[1, 1] + np.where(known[1], error[1], 1e12)
    determinant = s00 * s11 - prior[0, 1] ** 2
    weighted = np.stack(
        [
            s11 * deviation[0] - prior[0, 1] * deviation[1],
            s00 * deviation[1] - prior[0, 1] * deviation[0],
        ]
    )
    return np.asarray(np.exp(centre[:, None] + prior @ (weighted / determinant)))


def _prior_covariance(logs: FloatArray, error: FloatArray, known: BoolArray) -> FloatArray:
    """Return C, float64 ``[2, 2]``, positive."""
    both = known.all(axis=0)
    if np.count_nonzero(both) < 3:
        return np.eye(2) * MIN_LOG_VARIANCE_SPREAD
    covariance = np.cov(logs[:, both]) - np.diag(error[:, both].mean(axis=1))
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.maximum(values, MIN_LOG_VARIANCE_SPREAD)) @ vectors.T)


def _moderated_gap(
    gap: FloatArray, error: FloatArray, known: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return posterior mean and variance of the gap, float64 ``[N]`` each.

    Args:
        gap: m_1 − m_0.
        error: its sampling variance.
        known: bool ``[N]``, whether there are models on both sides.
    """
    if not known.any():
        return np.zeros_like(gap), np.zeros_like(gap)
    weight = 1 / error[known]
    centre = (gap[known] * weight).sum() / weight.sum()
    sampling = float(error[known].mean())
    spread = max(float(gap[known].var()) - sampling, MIN_GAP_SHARE * sampling)
    kept = np.where(known, spread / (spread + error), 0.0)
    return kept * gap + (1 - kept) * centre, np.where(known, kept * error, spread)
