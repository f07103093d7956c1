"""RMIA: the share of population records that this record's likelihood ratio beats by a factor γ.

R(x) = p_θ(x) / P̄(x), P̄ the mean true-class probability over the references, online over all and
offline ½[(1 + a) · mean over OUT + 1 − a] (``rmia_tuned`` finds a on the references). Of losses,
p = exp(−ℓ). Score = Pr_z[R(x) / R(z) > γ], by sorting R(z) and one binary search a record:
O((N + Q) log Q), never a matrix of N × Q. Over augmentations log R is averaged. For one target the
score is a monotone function of R(x), so population records calibrate it and leave the curve as it
is; without them the score is log R(x) itself.

Zarifzadeh, Liu, Shokri 2024, "Low-Cost High-Power Membership Inference Attacks", algorithm 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import Evidence, attack
from imprint.lenses.membership.attack_kit.offline_slope import (
    DEFAULT_SLOPE,
    mean_from_out,
    offline_mean,
)


@dataclass(frozen=True)
class RmiaOptions(Checked):
    """Settings of RMIA."""

    gamma: Annotated[float, Bounds(above=0)] = 2.0
    """How many times larger its likelihood ratio must be than a population record's to beat it."""
    offline: bool = False
    """Use OUT models alone, as if reference models had been trained before."""
    slope: Annotated[float, Bounds(least=0, most=1)] = DEFAULT_SLOPE
    """Slope a of P_in = a P_out + 1 − a when offline."""


@attack("rmia", reads=("phi", "loss"), sides="any", options=RmiaOptions)
def rmia(evidence: Evidence, kind: str, options: RmiaOptions) -> FloatArray:
    """Return the share of population records beaten, float64 ``[N]`` in [0, 1], or log R(x)."""
    references = evidence.reference_models
    if options.offline:
        mean = offline_mean(references, options.slope)
    else:
        mean = references.mean_probability(only_out=False)
    ratios = _log_ratio(evidence.target_values("log_probability"), mean)
    mean_population = references.population_mean_probability()
    if kind not in evidence.population or mean_population is None:
        return ratios
    if options.offline:
        mean_population = mean_from_out(mean_population, options.slope)
    population = np.sort(_log_ratio(evidence.population_values("log_probability"), mean_population))
    beaten = np.searchsorted(population, ratios - math.log(options.gamma), side="left")
    return np.asarray(beaten / len(population))


def _log_ratio(logs: FloatArray, mean: FloatArray) -> FloatArray:
    """Return log R, averaged over augmentations, float64 ``[N]``."""
    return np.asarray((logs - np.log(mean)).mean(axis=0))
