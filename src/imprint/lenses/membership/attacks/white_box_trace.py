"""White box: records around which the loss has little curvature score as members.

The score is minus the trace of the Hessian of the loss with respect to the input: exact for
piecewise-linear networks of few classes, by probes for others. It reads gradients, so it
needs the weights.

Ravikumar, Soufleri, Hashemi, Roy 2024. No reference model. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("white_box_trace", reads=("trace",))
def white_box_trace(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the trace of the input Hessian, float64 ``[N]``."""
    return np.asarray(-evidence.target_values(kind)[0])
