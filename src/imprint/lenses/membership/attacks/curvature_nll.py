"""Difference of negative log-likelihoods of the input-loss curvature, under one scale.

Score = Σ over augmentations of [(x − μ_out)² − (x − μ_in)²] / (2σ_in²), x the log of the input-loss
curvature: linear in x, each record with its own slope. ``published_formulas`` puts the
variance V_in where σ_in belongs, + 1e-32.

Ravikumar, Soufleris, Roy, "Curvature Clues: Decoding Deep Learning Privacy with Input Loss
Curvature", 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence, attack


@dataclass(frozen=True)
class CurvatureDifferenceOptions:
    """Settings of the difference of log-likelihoods of curvature."""

    published_formulas: bool = False
    """The published formula, with the variance in the place of σ."""


@attack(
    "curvature_nll",
    reads=("log_curvature",),
    sides="both",
    spread=True,
    options=CurvatureDifferenceOptions,
)
def curvature_nll(evidence: Evidence, kind: str, options: CurvatureDifferenceOptions) -> FloatArray:
    """Return the summed difference of negative log-likelihoods, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, inside = evidence.reference_models.moments(kind)
    distance = (values - outside.mean) ** 2 - (values - inside.mean) ** 2
    scale = inside.variance + 1e-32 if options.published_formulas else inside.deviation
    return np.asarray((distance / (2 * scale**2)).sum(axis=0))
