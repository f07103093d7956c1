"""LiRA offline: the target's φ, standardised by the OUT models.

Score = mean over augmentations of (φ − μ_out) / σ_out, which orders records as the paper's
Pr[N(μ_out, σ_out²) < φ] does but does not saturate. ``two_sided``: −log N(φ; μ_out, σ_out), as in
the release, which also takes unusually low φ for membership.

Carlini et al. 2022, section V-B, equation 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import DIRECTION, GAUSSIAN_KINDS, Evidence, attack


@dataclass(frozen=True)
class OfflineLiraOptions:
    """Settings of LiRA offline."""

    two_sided: bool = False
    """The density of the release in place of the paper's one-sided test."""


@attack(
    "lira_offline",
    reads=GAUSSIAN_KINDS,
    sides="out",
    spread=True,
    options=OfflineLiraOptions,
)
def lira_offline(evidence: Evidence, kind: str, options: OfflineLiraOptions) -> FloatArray:
    """Return the mean standardised distance from the OUT models, float64 ``[N]``."""
    values = evidence.target_values(kind)
    outside, _ = evidence.reference_models.moments(kind)
    if options.two_sided:
        return np.asarray(-outside.log_density(values).mean(axis=0))
    standard = (values - outside.mean) / outside.deviation
    return np.asarray(DIRECTION[kind] * standard.mean(axis=0))
