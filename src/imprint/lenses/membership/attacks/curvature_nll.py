"""Curvature, difference of negative log-likelihoods under one shared scale.

Score = Σ over augmentations of [(x − μ_out)² − (x − μ_in)²] / (2σ_in²), x the log of the input-loss
curvature: linear in x, each record with its own slope. ``legacy`` puts the variance V_in where σ_in
belongs, + 1e-32, as published.

Ravikumar, Soufleris, Roy, "Curvature Clues: Decoding Deep Learning Privacy with Input Loss
Curvature", 2024.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.gaussian import LEAST_DEVIATION
from imprint.lenses.membership.attack.options import AttackOptions


@attack("curvature_nll", reads=("log_curvature",), sides="both", spread=True)
def curvature_nll(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return the summed difference of negative log-likelihoods, float64 ``[N]``."""
    values = evidence.of_target(kind)
    outside, inside = evidence.judges.moments(kind)
    distance = (values - outside.mean) ** 2 - (values - inside.mean) ** 2
    if options.legacy:
        scale = inside.variance + 1e-32
    else:
        scale = np.sqrt(inside.variance) + LEAST_DEVIATION
    return np.asarray((distance / (2 * scale**2)).sum(axis=0))
