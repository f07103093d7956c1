"""Modified entropy: the entropy of a prediction, with the true class known.

MEntr(p, y) = −(1 − p_y) log p_y − Σ_{c≠y} p_c log(1 − p_c); the score is its negative. It needs the
whole prediction, so it is read from a signal of that name. From φ alone follows the form for two
classes, y against the rest: 2 (1 − p_y) ℓ, which orders records as the loss does.

Song, Mittal 2021, equation 8. The plain record, augmentation 0; no reference model.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack
from imprint.lenses.membership.cohort.references import loss


@attack("mentr", reads=("mentr", "phi"))
def modified_entropy(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the modified entropy in nats, float64 ``[N]``."""
    values = evidence.target_values(kind)[0]
    if kind == "mentr":
        return np.asarray(-values)
    return np.asarray(-2 * expit(-values) * loss(values))
