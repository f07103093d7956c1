"""BASE: the target's probability of the true class over the mean one of the references.

Score = mean over augmentations of log p_θ(x) − log mean_k p_k(x). ``offline``: the OUT mean alone,
its logarithm weighted by ``weight``.

Lassila, Östman, Ngo, Graell i Amat 2025, "Practical Bayes-Optimal Membership Inference Attacks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@dataclass(frozen=True)
class BaseOptions(Checked):
    """Settings of BASE."""

    offline: bool = False
    """Use OUT models alone, as if reference models had been trained before."""
    weight: Annotated[float, Bounds(least=0, most=1)] = 0.33
    """Weight of the OUT term when offline."""


@attack("base", reads=("phi", "loss"), sides="any", options=BaseOptions)
def base(evidence: Evidence, kind: str, options: BaseOptions) -> FloatArray:
    """Return the mean log ratio, float64 ``[N]``."""
    weight = options.weight if options.offline else 1.0
    mean = evidence.reference_models.mean_probability(only_out=options.offline)
    target = evidence.target_values("log_probability")
    return np.asarray((target - weight * np.log(mean)).mean(axis=0))
