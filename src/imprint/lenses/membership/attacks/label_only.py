"""Label-only: records far from the decision boundary score as members.

The score is the distance from the record to the boundary, 0 where the target gets it wrong. It
needs hard labels alone, for models that hide their confidences. Where
no input of another label was found the distance is NaN, and the record ties with the farthest.

Choquette-Choo, Tramèr, Carlini, Papernot 2021; Li, Zhang 2021. No reference model. The plain
record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("label_only", reads=("distance",))
def boundary_distance(evidence: Evidence, kind: str) -> FloatArray:
    """Return the distance to the decision boundary in inputs of [0, 1], float64 ``[N]``."""
    distance = evidence.target_values(kind)[0]
    unknown = np.isnan(distance)
    farthest = distance[~unknown].max(initial=0.0)
    return np.asarray(np.where(unknown, farthest, distance))
