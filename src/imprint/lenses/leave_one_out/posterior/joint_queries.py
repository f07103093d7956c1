"""Predictions at several queries seen together, against every removed record.

With the covariance C = K_QQ − B K_XQ of the model with all records, B = K_QX R:

    z_s = B_sᵀ C⁻¹ B_s / R_ss.

C is singular where queries repeat or are multiples of one another under a homogeneous kernel. It is
scaled to correlations and inverted on its range, in which every B_s lies; the rank is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.tiled_cholesky import multiply

RANK_TOLERANCE = 1e-12
"""Eigenvalues of a correlation matrix below this share of the largest count as 0."""


@dataclass(frozen=True, eq=False)
class JointInfluence:
    """One set of queries against every removed record.

    Attributes:
        directions: ``[n, 1]``.
        rank: how many of the queries say something that the others do not.
    """

    directions: Directions
    rank: int


def joint_influence(posterior: Posterior, cross: Tensor, covariance: Tensor) -> JointInfluence:
    """Return what each record's removal does to the joint prediction at a set of queries.

    Args:
        posterior: the fit of all records.
        cross: k(query, record), float64 ``[q, n]``.
        covariance: k(query, query), float64 ``[q, q]``.

    Raises:
        ImprintError: shapes that do not fit.
    """
    whitened, rank = whiten(posterior, cross, covariance)
    own = posterior.inverse_diagonal
    spread = whitened.square().sum(0) / own
    surprise = posterior.weights.square().sum(1) / own
    return JointInfluence(Directions(spread[:, None], surprise[:, None], posterior.outputs), rank)


def whiten(posterior: Posterior, cross: Tensor, covariance: Tensor) -> tuple[Tensor, int]:
    """Return C^(−½) B, float64 ``[rank, n]``, and the rank of C.

    Raises:
        ImprintError: shapes that do not fit.
    """
    count = len(cross)
    if cross.shape != (count, posterior.records) or covariance.shape != (count, count):
        raise ImprintError(
            f"queries of shapes {list(cross.shape)} and {list(covariance.shape)} do not fit "
            f"{posterior.records} records: give k(query, record) [q, n] and k(query, query) [q, q]"
        )
    product = multiply(cross, posterior.inverse)
    inside = covariance - product @ cross.T
    deviation = inside.diagonal().clamp(min=0).sqrt()
    scale = torch.where(deviation > 0, 1 / deviation, torch.zeros_like(deviation))
    values, vectors = torch.linalg.eigh(scale[:, None] * inside * scale)
    kept = values > RANK_TOLERANCE * values[-1]
    basis = vectors[:, kept] / values[kept].sqrt()
    return basis.T @ (scale[:, None] * product), int(kept.sum())
