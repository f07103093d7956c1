"""The joint likelihood ratio of all signals and augmentations.

Where lira_shrunk averages over augmentations, this takes φ,
log-curvature and their augmentations together: D columns, IN and OUT distributions
multivariate Student-t, locations and scales those of the shrunk predictives. Correlations per
record are shrunk towards the global one, R = ((n − 1) R_record + ν₀ R_global) / (n − 1 + ν₀) with
ν₀ the prior degrees of freedom, at least D + 2. With one column it is lira_shrunk.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.attack import GAUSSIAN_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.lira_moments import IN, OUT, SideMoments
from imprint.lenses.membership.attack_kit.shrinkage import StudentT, predictive


@attack("multi", reads=GAUSSIAN_KINDS, sides="both", spread=True)
def multi(evidence: Evidence, kind: str) -> FloatArray:
    """Return the joint log-likelihood ratio, float64 ``[N]``."""
    values = evidence.target_values("columns")
    sides = evidence.reference_models.moments("columns")
    covariances = evidence.reference_models.covariances()
    logs = [
        _log_density(values, tails, _correlation(covariances[side], of, tails))
        for side, of, tails in zip((OUT, IN), sides, predictive(*sides), strict=True)
    ]
    return np.asarray(logs[IN] - logs[OUT])


def _correlation(covariance: FloatArray, of: SideMoments, tails: StudentT) -> FloatArray:
    """Return the shrunk correlations of each record, float64 ``[N, D, D]``.

    Args:
        covariance: float64 ``[N, D, D]`` (ddof = 0).
        of: moments of the same side.
        tails: its predictives.
    """
    width = covariance.shape[1]
    prior = max(width + 2.0, float((tails.freedom - of.count).mean()))
    pooled = np.einsum("n,nij->ij", of.count, covariance)[None]
    together, _ = _standardise(pooled)
    own, known = _standardise(covariance)
    weight = np.where(known, np.maximum(of.count - 1, 0), 0.0)[:, None, None]
    shrunk = (weight * own + prior * together) / (weight + prior)
    # Equal columns leave no inverse; a millionth of independence gives one.
    return np.asarray((1 - 1e-6) * shrunk + 1e-6 * np.eye(width))


def _standardise(covariance: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return correlations ``[N, D, D]`` and where all of a record's columns vary, bool ``[N]``."""
    diagonal = np.diagonal(covariance, axis1=1, axis2=2)
    known = np.asarray((diagonal > 0).all(axis=1))
    deviation = np.sqrt(np.where(known[:, None], diagonal, 1.0))
    correlation = covariance / (deviation[:, :, None] * deviation[:, None, :])
    return np.where(known[:, None, None], correlation, np.eye(diagonal.shape[1])), known


def _log_density(values: FloatArray, tails: StudentT, correlation: FloatArray) -> FloatArray:
    """Return the log density of the multivariate Student-t, float64 ``[N]``."""
    width = len(values)
    standard = ((values - tails.location) / tails.scale).T[:, :, None]
    root = np.linalg.cholesky(correlation)
    distance = (np.linalg.solve(root, standard)[:, :, 0] ** 2).sum(axis=1)
    log_volume = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
    freedom = tails.freedom.mean(axis=0)
    half = freedom / 2
    return np.asarray(
        gammaln(half + width / 2)
        - gammaln(half)
        - width / 2 * np.log(freedom * math.pi)
        - np.log(tails.scale).sum(axis=0)
        - log_volume
        - (half + width / 2) * np.log1p(distance / freedom)
    )
