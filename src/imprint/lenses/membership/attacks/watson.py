"""Difficulty calibration: the loss less what OUT models lose. Score −(ℓ − μ_out).

Watson, Guo, Cormode, Sablayrolles 2022, equation 5. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("watson", sides="out")
def watson(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return minus the loss above the OUT models' mean, in nats, float64 ``[N]``."""
    outside, _ = evidence.judges.moments("loss")
    return np.asarray(outside.mean[0] - evidence.of_target("loss")[0])
