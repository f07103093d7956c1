"""Difficulty calibration: the loss less the mean loss of the OUT models. Score −(ℓ − μ_out).

Watson, Guo, Cormode, Sablayrolles 2022, equation 5. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("watson", reads=("phi", "loss"), sides="out")
def watson(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the loss above the OUT models' mean, in nats, float64 ``[N]``."""
    outside, _ = evidence.reference_models.moments("loss")
    return np.asarray(outside.mean[0] - evidence.target_values("loss")[0])
