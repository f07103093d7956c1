"""R_SS of groups from solutions of A x = e_s, and how far their divergence may be off.

The block U is made symmetric from the entries x_j at S, with the diagonal of second order. What is
missing of it, E, has |E_ij| ≤ ½ (√R_ii ‖r_j‖ + √R_jj ‖r_i‖)/σ, and with λ the least eigenvalue of U
and ε = ‖E‖ the divergence changes by no more than

    its part without labels at U − ε less that at U (it falls as R_SS rises, Weyl);
    ½ Σ_c |α_S|² [2ε/(σ² λ (λ−ε)²) + ε/(λ (λ−ε))] for the part with labels;

a bound for α as the fit has it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.large_posterior import LargePosterior
from imprint.lenses.leave_one_out.large.solutions import QUADRATIC, RESIDUAL, Solutions
from imprint.lenses.leave_one_out.posterior.distinguishability import excess_over_log


def group_block(solutions: Solutions, start: int, size: int, name: str) -> Tensor:
    """Return R_SS, float64 ``[k, k]``, on the CPU.

    Args:
        solutions: of all groups.
        start: of the right sides of this one.
        size: k.
        name: of the group.

    Raises:
        ImprintError: the residual leaves it indefinite.
    """
    rows = [torch.from_numpy(solutions.entries(row).copy()) for row in range(start, start + size)]
    block = torch.stack(rows)
    block = (block + block.T) / 2
    facts = torch.from_numpy(solutions.facts[start : start + size].copy())
    block.diagonal().copy_(facts[:, QUADRATIC])
    if int(torch.linalg.cholesky_ex(block).info):
        raise ImprintError(
            f"the inverse at group {name} is not positive definite at a residual of "
            f"{float(facts[:, RESIDUAL].max()):.1e}: lower --tolerance, or allow more --passes"
        )
    return block


def divergence_error(
    posterior: LargePosterior, solutions: Solutions, start: int, block: Tensor, weights: Tensor
) -> float:
    """Return by how much KL(out ‖ in) of the group's own records may be off.

    Args:
        posterior: the fit.
        solutions: of all groups.
        start: of the right sides of this one.
        block: U, float64 ``[k, k]``.
        weights: α_S, ``[k, c]``.
    """
    noise, outputs = posterior.noise, posterior.outputs
    residual = torch.from_numpy(solutions.facts[start : start + len(block), RESIDUAL].copy())
    root = block.diagonal().sqrt() / noise**0.5
    reach = float(((root[:, None] * residual + residual[:, None] * root) / 2).norm())
    values = torch.linalg.eigvalsh(block)
    least = float(values[0])
    if reach >= least:
        return float("inf")
    spread, wider = ((1 / (noise * each) - 1).clamp(min=0) for each in (values, values - reach))
    place = 0.5 * outputs * float((excess_over_log(wider) - excess_over_log(spread)).sum())
    lower = least - reach
    slope = 2 / (noise * least * lower**2) + 1 / (least * lower)
    return place + 0.5 * float(weights.square().sum()) * reach * slope
