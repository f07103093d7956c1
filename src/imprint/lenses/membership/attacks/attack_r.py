"""Attack-R: the loss less a low quantile of what OUT models lose. Score −(ℓ − q_α(OUT losses)).

With some thirty OUT models the published α = 1e-4 is nearly their least loss.

Ye, Maddi, Murakonda, Bindschaedler, Shokri 2022, section 4. The plain record, augmentation 0.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("attack_r", sides="out")
def attack_r(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return minus the loss above the quantile, in nats, float64 ``[N]``."""
    level = options.reference_quantile
    quantile = evidence.judges.out_loss_quantile(level)
    return np.asarray(quantile - evidence.of_target("loss")[0])
