"""A record left out of data that hold near copies of it, for any number of these at once.

With copies c of targets y_c beside a fit of R and α, V = R k_Xc, S = k_cc + σ²I − k_cX V = LLᵀ and
the misses m = y_c − k_cX α, the diagonal of the inverse and the weights of record s become

    R'_ss = R_ss + |L⁻¹ V_sᵀ|²,    α'_s = α_s − (L⁻¹ V_sᵀ)ᵀ L⁻¹ m,

and the first j rows of both triangular solves are those of the first j copies: one solve gives the
whole curve over their number.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.posterior import Posterior


def leave_out_beside_copies(
    posterior: Posterior, row: int, cross: Tensor, block: Tensor, targets: Tensor
) -> Directions:
    """Return what leaving out a record shows at it, beside 0, 1, … all of its copies, ``[k + 1]``.

    Args:
        posterior: the fit with the record and without copies.
        row: of the record.
        cross: k(copy, record of the fit), float64 ``[k, n]``.
        block: k(copy, copy), float64 ``[k, k]``.
        targets: of the copies, float64 ``[k, c]``.
    """
    noise, inverse = posterior.noise, posterior.inverse
    projected = inverse @ cross.T
    identity = torch.eye(len(block), dtype=block.dtype, device=block.device)
    factor = torch.linalg.cholesky(block + noise * identity - cross @ projected)
    missed = targets - cross @ posterior.weights
    right = torch.cat([projected[row][:, None], missed], dim=1)
    solved = torch.linalg.solve_triangular(factor, right, upper=False)
    along, miss = solved[:, :1], solved[:, 1:]
    zero = solved.new_zeros(1, 1)
    own = inverse[row, row] + torch.cat([zero, along.square()]).cumsum(0)[:, 0]
    moved = torch.cat([zero.expand(1, miss.shape[1]), along * miss]).cumsum(0)
    weights = posterior.weights[row] - moved
    # v / σ² with v = 1 / R'_ss − σ²; its rounding may fall below 0 where copies leave nothing.
    spread = (1 / (noise * own) - 1).clamp(min=0)
    surprise = weights.square().sum(1) / own
    return Directions(spread[:, None], surprise[:, None], posterior.outputs)
