"""MAST: the loss, calibrated by half-way between what IN and OUT models lose.

Score = −(ℓ − (μ_in + μ_out)/2), ℓ the loss of the plain record.

Sablayrolles, Douze, Schmid, Ollivier, Jégou 2019, equation 13.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("mast", sides="both")
def mast(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return minus the loss above its threshold, in nats, float64 ``[N]``."""
    outside, inside = evidence.judges.moments("loss")
    threshold = (inside.mean[0] + outside.mean[0]) / 2
    return np.asarray(threshold - evidence.of_target("loss")[0])
