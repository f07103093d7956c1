"""BASE: the target's probability of the true class over the mean one of the references.

Score = mean over augmentations of log p_θ(x) − log mean_k p_k(x). ``offline``: the OUT mean alone,
its logarithm weighted by ``offline_weight``.

Lassila, Östman, Ngo, Graell i Amat 2025, "Practical Bayes-Optimal Membership Inference Attacks".
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack.attack import Evidence, attack
from imprint.lenses.membership.attack.options import AttackOptions


@attack("base", sides="any")
def base(evidence: Evidence, kind: str, options: AttackOptions) -> FloatArray:
    """Return the mean log ratio, float64 ``[N]``."""
    weight = options.offline_weight if options.offline else 1.0
    reference = np.log(evidence.judges.mean_probability(only_out=options.offline))
    target = -np.logaddexp(0.0, -evidence.of_target("phi"))
    return np.asarray((target - weight * reference).mean(axis=0))
