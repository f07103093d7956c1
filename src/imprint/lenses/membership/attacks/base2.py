"""BASE2: the margin's distance from the mean of all references, over their variance.

Score = mean over augmentations of (φ − μ) / V, mean and variance (ddof = 0) over IN and OUT models
together. Lassila, Östman, Ngo, Graell i Amat 2025; BASE4 of the same family is LiRA.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import DIRECTION, GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.lira_moments import MIN_DEVIATION, pool_sides


@attack("base2", reads=GAUSSIAN_KINDS, sides="any", spread=True)
def base2(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean scaled distance, float64 ``[N]``."""
    mean, variance = pool_sides(*evidence.reference_models.moments(kind))
    scaled = (evidence.target_values(kind) - mean) / (variance + MIN_DEVIATION)
    return np.asarray(DIRECTION[kind] * scaled.mean(axis=0))
