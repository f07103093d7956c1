"""LiRA whose means and variances are shrunk towards those of all records: the default.

The likelihood ratio of two Student-t predictives under a normal-inverse-gamma prior, averaged
over augmentations; :mod:`imprint.lenses.membership.attack_kit.shrinkage`. It needs no switch
between per-record and global variance: with many models it is LiRA, with few LiRA of fixed
variance.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.shrinkage import predictive


@attack("lira_shrunk", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def lira_shrunk(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean log-likelihood ratio of the predictives, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = predictive(*evidence.reference_models.moments(kind))
    return np.asarray((inside.log_density(values) - outside.log_density(values)).mean(axis=0))
