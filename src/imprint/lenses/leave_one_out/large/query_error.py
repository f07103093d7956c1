"""How far measures of queries can be off that were computed from R k_Xq with a residual r.

A ≥ σ²I bounds what is missing of the solution x: e = Rr has |e_s| ≤ √R_ss ‖r‖/σ, and of the
variance C of the query, 0 ≤ rᵀRr ≤ ‖r‖²/σ². Of α likewise |δα_s| ≤ √R_ss ‖Y − Aα‖/σ. So both
roots that a measure is made of are off by no more than one number for all records,

    √z = |x_s| / √(R_ss C) ± η,   η = ‖r‖/(σ√C);   √a = |α_s|/√R_ss ± ζ,   ζ = ‖Y − Aα‖/σ.

KL(out ‖ in) is convex and rising in both, so that it changes most upwards, and KL(in ‖ out) nowhere
changes faster. Two pairs of laws have tests whose rates differ by no more than the total variation
between the laws they do not share, which Pinsker's inequality bounds: so do their AUC.

The bounds are certain but for R_ss, whose own error is stated apart: z, a and the shift have the
relative error of R_ss. They are some √n too wide for a single record, since r is not aimed at it.
With |R̂r|_s in place of √R_ss ‖r‖/σ they are estimates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.queries import QueryInfluence


@dataclass(frozen=True, eq=False)
class RootErrors:
    """What the roots of z and a are off by.

    Attributes:
        solution: of x_s/√R_ss, ``[q]``.
        variance: of C, which is at most as large as computed, ``[q]``.
        weights: of α_s/√R_ss, ζ.
    """

    solution: Tensor
    variance: Tensor
    weights: float


def error_bounds(influence: QueryInfluence, own: Tensor, errors: RootErrors) -> dict[str, Tensor]:
    """Return by how much each measure may be off, by name, ``[n, q]``.

    Args:
        influence: a block of records and queries.
        own: R_ss of the records, ``[n]``.
        errors: of the roots; infinite bounds where the variance is no larger than its error.

    Returns:
        ``kl_out_in``, ``kl_in_out``, ``auc``, ``mean_distance``, ``variance_out`` and ``shift``,
        the last the length over outputs.
    """
    variance, outputs = influence.variance_in, influence.weights.shape[1]
    least = (variance - errors.variance).clamp(min=0)
    spread = influence.directions.spread[..., 0]
    surprise = influence.directions.surprise[..., 0]
    root, length = spread.sqrt(), surprise.sqrt()
    moves = variance > 0
    # Where the variance is 0 nothing moves, whatever the records.
    scale = torch.where(moves, (variance / least).sqrt(), torch.ones_like(variance))
    step = torch.where(moves, errors.solution / least.sqrt(), torch.zeros_like(variance))
    high = root * scale + step
    low = (root - step).clamp(min=0)
    more = high.square() - spread
    longer = length + errors.weights
    product = high.square() * longer.square() - spread * surprise
    divergence = 0.5 * (outputs * (more - torch.log1p(more / (1 + spread))) + product)
    # Between the laws of out at the estimate and anywhere within the bounds.
    wider = torch.log1p(more / (1 + spread))
    narrower = -torch.log1p((low.square() - spread) / (1 + spread))
    change = torch.maximum(wider, narrower)
    mean = high * longer - root * length
    law = 0.5 * (outputs * (torch.expm1(change) - change) + mean.square() / (1 + low.square()))
    entry, weight = own.sqrt()[:, None], influence.weights.norm(dim=1)[:, None]
    solved = influence.response.abs() * own[:, None]
    shift = (
        solved * errors.weights * entry
        + errors.solution * entry * (weight + errors.weights * entry)
    ) / own[:, None]
    size = influence.response.abs() * weight
    bounds = {
        "kl_out_in": divergence,
        "kl_in_out": divergence,
        "auc": (0.5 * law).sqrt().clamp(max=0.5),
        "mean_distance": 0.5 * ((size + shift).square() - size.square()) / outputs,
        "variance_out": variance * more + errors.variance * (1 + high.square()),
        "shift": shift,
    }
    # Where no variance is sure to be left, ∞ less ∞ is no number.
    return {name: bound.masked_fill(bound.isnan(), torch.inf) for name, bound in bounds.items()}
