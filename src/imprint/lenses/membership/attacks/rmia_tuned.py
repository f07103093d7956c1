"""RMIA offline, its slope tuned on the reference models.

As ``rmia`` with ``offline``, from OUT models alone. The slope a of P_in = a·P_out + 1 − a is the
one that infers the members of the reference models best, each in the target's place, or is
estimated from their mean probabilities:
:mod:`imprint.lenses.membership.attack_kit.offline_slope`. Members of the target are never read.

Zarifzadeh, Liu, Shokri 2024, "Low-Cost High-Power Membership Inference Attacks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import Evidence, attack
from imprint.lenses.membership.attack_kit.offline_slope import slope_of_references, tune_slope
from imprint.lenses.membership.attacks.rmia import RmiaOptions, rmia


@dataclass(frozen=True)
class TunedRmiaOptions(Checked):
    """Settings of RMIA with a tuned slope."""

    gamma: Annotated[float, Bounds(above=0)] = 2.0
    """How many times larger its likelihood ratio must be than a population record's to beat it."""
    slope: Literal["tuned", "estimated"] = "tuned"
    """Tuned by the AUC on reference models, or estimated from their mean probabilities."""


@attack("rmia_tuned", reads=("phi", "loss"), sides="out", options=TunedRmiaOptions)
def rmia_tuned(evidence: Evidence, kind: str, options: TunedRmiaOptions) -> FloatArray:
    """Return the share of population records beaten, float64 ``[N]`` in [0, 1], or log R(x)."""
    if options.slope == "tuned":
        slope = tune_slope(evidence)
    else:
        slope = slope_of_references(evidence.reference_models)
    return rmia(evidence, kind, RmiaOptions(gamma=options.gamma, offline=True, slope=slope))
