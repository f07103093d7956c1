"""Curvature, likelihood ratio.

Score = mean over augmentations of log N(x; μ_in, σ_in) − log N(x; μ_out, σ_out), x the log of the
input-loss curvature. ``legacy`` as published: Σ G(x; μ_in, V_in) / (Σ G(x; μ_out, V_out) + 1e-22),
likelihoods added over augmentations and the variance V in the place of σ; far from both means it
underflows, and records tie.

Ravikumar, Soufleris, Roy 2024, as :mod:`imprint.lenses.membership.attacks.curvature_nll`.
"""

from __future__ import annotations

import math

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.gaussian import log_density
from imprint.lenses.membership.attack.options import AttackOptions


@attack("curvature_lr", reads=("log_curvature",), sides="both", spread=True)
def curvature_lr(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return the likelihood ratio, its logarithm unless ``legacy``, float64 ``[N]``."""
    values = evidence.of_target(kind)
    outside, inside = evidence.judges.moments(kind)
    if options.legacy:
        likely_in = _published(values, inside.mean, inside.variance).sum(axis=0)
        likely_out = _published(values, outside.mean, outside.variance).sum(axis=0)
        return np.asarray(likely_in / (likely_out + 1e-22))
    ratio = log_density(values, inside.mean, inside.variance) - log_density(
        values, outside.mean, outside.variance
    )
    return np.asarray(ratio.mean(axis=0))


def _published(values: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return exp(−(x − μ)²/(2V²) − ½ log V² − ½ log 2π), V at least 1e-32."""
    scale = variance + 1e-32
    exponent = -((values - mean) ** 2) / (2 * scale**2) - np.log(scale)
    return np.asarray(np.exp(exponent - 0.5 * math.log(2 * math.pi)))
