"""BASE3: the likelihood ratio of two normals of one variance, linear in the margin.

Score = mean over augmentations of (μ_in − μ_out) / V · (φ − (μ_in + μ_out) / 2), V the variance
within both sides of the record, Σ squared deviations / models. Where a gap is negative by chance, a
low margin counts for membership.

Lassila, Östman, Ngo, Graell i Amat 2025; BASE4 of the same family is LiRA.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.lira_moments import MIN_DEVIATION


@attack("base3", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def base3(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean log-likelihood ratio, float64 ``[N]``."""
    outside, inside = evidence.reference_models.moments(kind)
    count = outside.count + inside.count
    within = outside.count * outside.variance + inside.count * inside.variance
    variance = within / np.maximum(count, 1) + MIN_DEVIATION
    middle = (outside.mean + inside.mean) / 2
    slope = (inside.mean - outside.mean) / variance
    return np.asarray((slope * (evidence.target_values(kind) - middle)).mean(axis=0))
