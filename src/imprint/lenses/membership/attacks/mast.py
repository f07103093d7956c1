"""MAST: the loss, calibrated by the midpoint of the mean losses of IN and OUT models.

Score = −(ℓ − (μ_in + μ_out)/2), ℓ the loss of the plain record.

Sablayrolles, Douze, Schmid, Ollivier, Jégou 2019, equation 13.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("mast", reads=("phi", "loss"), sides="both")
def mast(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the loss above its threshold, in nats, float64 ``[N]``."""
    outside, inside = evidence.reference_models.moments("loss")
    threshold = (inside.mean[0] + outside.mean[0]) / 2
    return np.asarray(threshold - evidence.target_values("loss")[0])
