"""White box: a record around which the loss bends little is taken for a member.

The score is minus the trace of the Hessian of the loss with respect to the input: exact for
piecewise-linear networks of few classes, by probes for others. It reads gradients, so it is for
whoever holds the weights.

Ravikumar, Soufleri, Hashemi, Roy 2024. No reference model. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("white_box_trace", reads=("trace",))
def white_box_trace(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return minus the trace of the input Hessian, float64 ``[N]``."""
    return np.asarray(-evidence.of_target(kind)[0])
