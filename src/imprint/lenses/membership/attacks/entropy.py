"""Entropy: records whose prediction is sure score as members, whatever the label. Score −H(p).

H(p) = −Σ_c p_c log p_c of the target's whole prediction, in nats. It needs no label, and so finds
records that were trained on with another label than is known. No reference model. The plain
record, augmentation 0.

Salem et al. 2019, ML-Leaks, their attack without shadow models; Song, Mittal 2021.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@attack("entropy", reads=("entropy",))
def negative_entropy(evidence: Evidence, kind: str) -> FloatArray:
    """Return minus the entropy in nats, float64 ``[N]``."""
    return np.asarray(-evidence.target_values(kind)[0])
