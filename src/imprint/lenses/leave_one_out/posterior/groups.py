"""Removing several records together.

With S the removed rows, B = K_QX R and the covariance C of the queries with all records,

    μ_in − μ_out = B_S R_SS⁻¹ α_S,   C_out = C + B_S R_SS⁻¹ B_Sᵀ.

With R_SS = G Gᵀ, T = C^(−½) B_S G⁻ᵀ and w = G⁻¹ α_S, the squared singular values of T are the
spreads z, and |w|² along its right singular vectors, summed over outputs, the surprises a. At the
removed records themselves both are read off the eigenvectors of R_SS alone:
z_j = (1 − σ²ρ_j) / (σ²ρ_j) and a_j = |u_jᵀ α_S|² / ρ_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, mean_distance
from imprint.lenses.leave_one_out.posterior.joint_queries import whiten
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.queries import with_all


@dataclass(frozen=True, eq=False)
class GroupInfluence:
    """Single queries, each by itself, against one removed group; float64.

    Attributes:
        shift: μ_in − μ_out, ``[q, c]``.
        variance_in: ``[q]``.
        variance_out: ``[q]``.
        directions: ``[q, 1]``.
    """

    shift: Tensor
    variance_in: Tensor
    variance_out: Tensor
    directions: Directions

    @property
    def mean_distance(self) -> Tensor:
        """½ mean over outputs of (μ_in − μ_out)², ``[q]``."""
        return mean_distance(self.shift)


def group_self_influence(posterior: Posterior, groups: Tensor) -> Directions:
    """Return what removing groups does to the joint prediction for their own records.

    Args:
        posterior: the fit of all records.
        groups: rows of records, int64 ``[..., k]``, distinct within a group.

    Returns:
        directions ``[..., k]``, at a cost of k³ a group.

    Raises:
        ImprintError: a group that repeats a record or names one that is not there.
    """
    _check(posterior, groups)
    block = posterior.inverse[groups[..., :, None], groups[..., None, :]]
    values, vectors = torch.linalg.eigh(block)
    along = (vectors.mT @ posterior.weights[groups]).square().sum(-1)
    complement = posterior.noise * values
    spread = ((1 - complement) / complement).clamp(min=0)
    return Directions(spread, along / values, posterior.outputs)


def group_residuals(posterior: Posterior, group: Tensor) -> Tensor:
    """Return y − μ_out of the group's records in the model without all of them, ``[k, c]``."""
    _check(posterior, group)
    block = posterior.inverse[group][:, group]
    residuals: Tensor = torch.linalg.solve(block, posterior.weights[group])
    return residuals


def group_influence(
    posterior: Posterior, group: Tensor, cross: Tensor, variances: Tensor
) -> GroupInfluence:
    """Return what removing a group does to each of some queries by itself.

    Args:
        posterior: the fit of all records.
        group: rows of records, int64 ``[k]``.
        cross: k(query, record), float64 ``[q, n]``.
        variances: k(query, query), float64 ``[q]``.
    """
    _check(posterior, group)
    product, variance_in = with_all(posterior, cross, variances)
    root = torch.linalg.cholesky(posterior.inverse[group][:, group])
    reach = torch.linalg.solve_triangular(root, product[:, group].T, upper=False)
    whitened = torch.linalg.solve_triangular(root, posterior.weights[group], upper=False)
    shift = reach.T @ whitened
    gain = reach.square().sum(0)
    surprise = shift.square().sum(1) / gain
    spread = gain / variance_in
    dead = gain == 0
    directions = Directions(
        spread.masked_fill(dead, 0)[:, None],
        surprise.masked_fill(dead, 0)[:, None],
        posterior.outputs,
    )
    return GroupInfluence(shift, variance_in, variance_in + gain, directions)


def group_joint_influence(
    posterior: Posterior, group: Tensor, cross: Tensor, covariance: Tensor
) -> Directions:
    """Return what removing a group does to the joint prediction at a set of queries.

    Args:
        posterior: the fit of all records.
        group: rows of records, int64 ``[k]``.
        cross: k(query, record), float64 ``[q, n]``.
        covariance: k(query, query), float64 ``[q, q]``.

    Returns:
        directions, as many as the lesser of k and the rank of the queries.
    """
    _check(posterior, group)
    whitened, _ = whiten(posterior, cross, covariance)
    root = torch.linalg.cholesky(posterior.inverse[group][:, group])
    # Tᵀ = G⁻¹ (C^(−½) B_S)ᵀ, whose left singular vectors are the directions among the records.
    reach = torch.linalg.solve_triangular(root, whitened[:, group].T, upper=False)
    weights = torch.linalg.solve_triangular(root, posterior.weights[group], upper=False)
    vectors, singular, _ = torch.linalg.svd(reach, full_matrices=False)
    along = (vectors.T @ weights).square().sum(1)
    return Directions(singular.square(), along, posterior.outputs)


def _check(posterior: Posterior, groups: Tensor) -> None:
    ordered = groups.sort(-1).values
    if not groups.numel() or ordered[..., 0].min() < 0 or ordered.max() >= posterior.records:
        raise ImprintError(
            f"a group names a row that is not among 0 to {posterior.records - 1}: "
            "give rows of the fitted records"
        )
    if (ordered[..., 1:] == ordered[..., :-1]).any():
        raise ImprintError("a group names a record twice: give each row once")
