"""LOSS: records of low loss score as members. Score −ℓ, of margins −softplus(−φ).

With ``signal`` loss it reads per-record losses of any kind: squared errors of a regression, sums
over labels, negative log-likelihoods.

Yeom, Giacomelli, Fredrikson, Jha 2018. No reference model. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("loss", reads=("phi", "loss"))
def negative_loss(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the loss in nats, float64 ``[N]``."""
    return np.asarray(-evidence.target_values("loss")[0])
