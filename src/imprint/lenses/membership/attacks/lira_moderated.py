"""LiRA with gap, spreads and base moderated by all records: for few reference models.

The mean log-likelihood ratio over augmentations; the distributions are those of
:mod:`imprint.lenses.membership.attack_kit.moderation`. Beyond ``lira_shrunk`` it shrinks the gap by
its own uncertainty and lets the spreads inside and outside inform each other.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.moderation import moderate


@attack("lira_moderated", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def lira_moderated(evidence: Evidence, kind: str) -> FloatArray:
    """Return the mean log-likelihood ratio, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = moderate(*evidence.reference_models.moments(kind))
    return np.asarray((inside.log_density(values) - outside.log_density(values)).mean(axis=0))
