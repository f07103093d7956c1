"""LiRA online: the likelihood ratio of φ under models with and without the record.

Λ = mean over augmentations of log N(φ; μ_in, σ_in) − log N(φ; μ_out, σ_out), each record with its
own means and variances (ddof = 0), :mod:`imprint.lenses.membership.attack_kit.lira_moments`. A side
with fewer than two models takes the pooled variance. The release centres by medians; means are used
here, as a model can be taken out of them.

Carlini, Chien, Nasr, Song, Terzis, Tramèr 2022, algorithm 1. Best from about 64 models on.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack


@attack("lira", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def lira(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean log-likelihood ratio, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = evidence.reference_models.moments(kind)
    return np.asarray((inside.log_density(values) - outside.log_density(values)).mean(axis=0))
