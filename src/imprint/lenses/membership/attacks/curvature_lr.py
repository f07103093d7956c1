"""Likelihood ratio of the input-loss curvature under IN and OUT models.

Score = mean over augmentations of log N(x; μ_in, σ_in) − log N(x; μ_out, σ_out), x the log of the
input-loss curvature. ``published_formulas``: Σ G(x; μ_in, V_in) / (Σ G(x; μ_out, V_out) + 1e-22),
likelihoods added over augmentations and the variance V in the place of σ; far from both means it
underflows, and records tie.

Ravikumar, Soufleris, Roy 2024, as :mod:`imprint.lenses.membership.attacks.curvature_nll`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@dataclass(frozen=True)
class CurvatureRatioOptions:
    """Settings of the likelihood ratio of curvature."""

    published_formulas: bool = False
    """The published formula, with the variance in the place of σ."""


@attack(
    "curvature_lr",
    reads=("log_curvature",),
    sides="both",
    spread=True,
    options=CurvatureRatioOptions,
)
def curvature_lr(evidence: Evidence, kind: str, options: CurvatureRatioOptions) -> FloatArray:
    """Return the logarithm of the likelihood ratio, or the published ratio, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = evidence.reference_models.moments(kind)
    if options.published_formulas:
        likely_in = _published(values, inside.mean, inside.variance).sum(axis=0)
        likely_out = _published(values, outside.mean, outside.variance).sum(axis=0)
        return np.asarray(likely_in / (likely_out + 1e-22))
    return np.asarray((inside.log_density(values) - outside.log_density(values)).mean(axis=0))


def _published(values: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return exp(−(x − μ)²/(2V²) − ½ log V² − ½ log 2π), V at least 1e-32."""
    scale = variance + 1e-32
    exponent = -((values - mean) ** 2) / (2 * scale**2) - np.log(scale)
    return np.asarray(np.exp(exponent - 0.5 * math.log(2 * math.pi)))
