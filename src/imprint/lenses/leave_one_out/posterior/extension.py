"""A fit of some records more, from a fit without them.

With B = k(X, x) of the k new records x, W = L⁻¹B and G Gᵀ = k(x, x) + σ²I − WᵀW, the larger factor
is [[L, 0], [Wᵀ, G]], and with S = G Gᵀ and V = RB its inverse

    R' = [[R + V S⁻¹ Vᵀ, −V S⁻¹], [−S⁻¹ Vᵀ, S⁻¹]].

n² k instead of n³ of a fit anew, so that each of many records can be added by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import substitute
from imprint.lenses.leave_one_out.posterior.posterior import Posterior


@dataclass(frozen=True, eq=False)
class ExtendedPosterior(Posterior):
    """A fit of n + k records, the new ones last.

    Attributes:
        smaller: the fit of the first n.
    """

    smaller: Posterior

    @cached_property
    def inverse(self) -> Tensor:
        """R', float64 ``[n + k, n + k]``, symmetric."""
        count = self.smaller.records
        corner = self.factor[count:, count:]
        projected = self.smaller.inverse @ self.kernel_matrix[:count, count:]
        solved = torch.cholesky_solve(projected.T, corner)
        result = torch.empty_like(self.factor)
        result[:count, :count] = self.smaller.inverse + projected @ solved
        result[:count, count:] = -solved.T
        result[count:, :count] = -solved
        identity = torch.eye(len(corner), dtype=corner.dtype, device=corner.device)
        result[count:, count:] = torch.cholesky_solve(identity, corner)
        return (result + result.T) / 2


def extend(posterior: Posterior, cross: Tensor, block: Tensor, targets: Tensor) -> Posterior:
    """Return the fit with some records more.

    Args:
        posterior: the fit without them.
        cross: k(new, record), float64 ``[k, n]``.
        block: k(new, new), float64 ``[k, k]``.
        targets: of the new ones, float64 ``[k, c]``.

    Raises:
        ImprintError: a kernel that is not finite, or a matrix that is not positive definite.
    """
    if not (cross.isfinite().all() and block.isfinite().all()):
        raise ImprintError("the kernel of an added record is not finite: scale its inputs down")
    below = substitute(posterior.factor, cross.T)
    noisy = block + posterior.noise * torch.eye(len(block), dtype=block.dtype, device=block.device)
    corner, failed = torch.linalg.cholesky_ex(noisy - below.T @ below)
    if int(failed):
        raise ImprintError(
            "the kernel matrix with the added records is not positive definite: raise the noise"
        )
    zero = below.new_zeros(len(below), len(block))
    factor = torch.cat([torch.cat([posterior.factor, zero], 1), torch.cat([below.T, corner], 1)])
    matrix = torch.cat(
        [torch.cat([posterior.kernel_matrix, cross.T], 1), torch.cat([cross, block], 1)]
    )
    all_targets = torch.cat([posterior.targets, targets])
    weights = torch.cholesky_solve(all_targets, factor)
    return ExtendedPosterior(matrix, all_targets, posterior.noise, factor, weights, posterior)
