"""Removing several records together.

With S the removed rows, B = K_QX R and the covariance C of the queries with all records,

    μ_in − μ_out = B_S R_SS⁻¹ α_S,   C_out = C + B_S R_SS⁻¹ B_Sᵀ.

With R_SS = G Gᵀ, T = C^(−½) B_S G⁻ᵀ and w = G⁻¹ α_S, the squared singular values of T are the
spreads z, and |w|² along its right singular vectors, summed over outputs, the surprises a. At the
removed records themselves both are read off the eigenvectors of R_SS alone:
z_j = (1 − σ²ρ_j) / (σ²ρ_j) and a_j = |u_jᵀ α_S|² / ρ_j.

For a set of queries seen together, with C = K_QQ − B K_XQ, a single record has
z_s = B_sᵀ C⁻¹ B_s / R_ss. C is singular where queries repeat or are multiples of one another under
a homogeneous kernel, so it is scaled to correlations and inverted on its range, in which every B_s
lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import multiply
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, mean_distance
from imprint.lenses.leave_one_out.posterior.full_model import with_all
from imprint.lenses.leave_one_out.posterior.posterior import Posterior


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
    return block_self_influence(block, posterior.weights[groups], posterior.noise)


def block_self_influence(block: Tensor, weights: Tensor, noise: float) -> Directions:
    """Return the same from R_SS ``[..., k, k]``, α_S ``[..., k, c]`` and σ²."""
    values, vectors = torch.linalg.eigh(block)
    along = (vectors.mT @ weights).square().sum(-1)
    complement = noise * values
    spread = ((1 - complement) / complement).clamp(min=0)
    return Directions(spread, along / values, weights.shape[-1])


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
    block = posterior.inverse[group][:, group]
    return block_influence(block, posterior.weights[group], product[:, group].T, variance_in)


def block_influence(
    block: Tensor, weights: Tensor, solved: Tensor, variance_in: Tensor
) -> GroupInfluence:
    """Return the same from R_SS ``[k, k]``, α_S ``[k, c]``, R k_Xq at S ``[k, q]``, C ``[q]``."""
    root = torch.linalg.cholesky(block)
    reach = torch.linalg.solve_triangular(root, solved, upper=False)
    whitened = torch.linalg.solve_triangular(root, weights, upper=False)
    shift = reach.T @ whitened
    gain = reach.square().sum(0)
    surprise = shift.square().sum(1) / gain
    spread = gain / variance_in
    dead = gain == 0
    directions = Directions(
        spread.masked_fill(dead, 0)[:, None],
        surprise.masked_fill(dead, 0)[:, None],
        weights.shape[1],
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
