"""LiRA with one IN and one OUT variance for all records: steadier with few models.

As LiRA online, with σ² = Σ squared deviations / Σ (count − 1) over all records of the side. (The
release takes the variance of the OUT side from IN data; here each side has its own.)

Carlini et al. 2022, section VI-D.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack


@attack("lira_fixed", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def lira_fixed(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean log-likelihood ratio under pooled variances, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = (side.with_one_variance() for side in evidence.reference_models.moments(kind))
    return np.asarray((inside.log_density(values) - outside.log_density(values)).mean(axis=0))
