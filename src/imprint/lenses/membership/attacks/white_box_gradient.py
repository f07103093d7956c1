"""White box: records whose loss has a small gradient score as members.

The score is minus the norm of the gradient of the loss with respect to the last layer's weights;
or, where that is missing, with respect to the input.

Nasr, Shokri, Houmansadr 2019, who read gradients of every layer. No reference model. The plain
record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("white_box_gradient", reads=("parameter_gradient", "input_gradient"))
def white_box_gradient(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the norm of the gradient, float64 ``[N]``."""
    return np.asarray(-evidence.target_values(kind)[0])
