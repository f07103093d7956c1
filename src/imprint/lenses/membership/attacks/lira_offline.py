"""LiRA offline: how far the target's φ lies above what OUT models say.

Score = mean over augmentations of (φ − μ_out) / σ_out, which orders records as the paper's
Pr[N(μ_out, σ_out²) < φ] does but does not saturate. ``two_sided``: −log N(φ; μ_out, σ_out), as in
the release, which also takes unusually low φ for membership.

Carlini et al. 2022, section V-B, equation 4.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import DIRECTION, Evidence, attack
from imprint.lenses.membership.attack.gaussian import LEAST_DEVIATION, log_density
from imprint.lenses.membership.attack.options import AttackOptions


@attack("lira_offline", reads=("phi", "log_curvature"), sides="out", spread=True)
def lira_offline(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return the mean standardised distance from the OUT models, float64 ``[N]``."""
    values = evidence.of_target(kind)
    outside, _ = evidence.judges.moments(kind)
    if options.two_sided:
        return np.asarray(-log_density(values, outside.mean, outside.variance).mean(axis=0))
    deviation = np.sqrt(outside.variance) + LEAST_DEVIATION
    return np.asarray(DIRECTION[kind] * ((values - outside.mean) / deviation).mean(axis=0))
