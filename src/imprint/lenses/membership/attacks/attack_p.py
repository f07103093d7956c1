"""Attack-P: the share of population records on which the target's loss is higher than on this one.

Calling members above 1 − α has a false positive rate of α on the population. Equal values count
half. Reads φ or, with the opposite sign, log-curvature, of the plain record; no reference model.

Ye et al. 2022, section 4.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import DIRECTION, THRESHOLD_KINDS, Evidence, attack


@attack("attack_p", reads=THRESHOLD_KINDS, population=True)
def attack_p(evidence: Evidence, kind: str) -> FloatArray:
    """Return the share of population records below, float64 ``[N]`` in [0, 1]."""
    sign = DIRECTION[kind]
    population = np.sort(sign * evidence.population_values(kind)[0])
    values = sign * evidence.target_values(kind)[0]
    below = np.searchsorted(population, values, side="left")
    up_to = np.searchsorted(population, values, side="right")
    return np.asarray((below + up_to) / (2 * len(population)))
