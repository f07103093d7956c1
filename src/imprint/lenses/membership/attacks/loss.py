"""LOSS: a record the target finds easy is taken for a member. Score −ℓ = −softplus(−φ).

Yeom, Giacomelli, Fredrikson, Jha 2018. No reference model. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("loss")
def negative_loss(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return minus the loss in nats, float64 ``[N]``."""
    return np.asarray(-evidence.of_target("loss")[0])
