"""Attack-R: the loss less a low quantile of the OUT models' losses. Score −(ℓ − q_α(OUT losses)).

With some thirty OUT models the published α = 1e-4 is nearly their least loss.

Ye, Maddi, Murakonda, Bindschaedler, Shokri 2022, section 4. The plain record, augmentation 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@dataclass(frozen=True)
class AttackROptions(Checked):
    """Settings of Attack-R."""

    quantile: Annotated[float, Bounds(least=0, most=1)] = 1e-4
    """Quantile of the OUT losses."""


@attack("attack_r", reads=("phi", "loss"), sides="out", options=AttackROptions)
def attack_r(evidence: Evidence, kind: str, options: AttackROptions) -> FloatArray:
    """Return minus the loss above the quantile, in nats, float64 ``[N]``."""
    quantile = evidence.reference_models.out_loss_quantile(options.quantile)
    return np.asarray(quantile - evidence.target_values("loss")[0])
