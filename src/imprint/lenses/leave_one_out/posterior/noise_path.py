"""Self-influence of every record at many noise variances, from one eigendecomposition.

With K = U Λ Uᵀ, for any σ²,

    R_ss = Σ_j U_sj² / (λ_j + σ²),   h_s = Σ_j U_sj² λ_j / (λ_j + σ²),   α = U (Λ + σ²)⁻¹ UᵀY:

sums of positive terms, which lose no digits where the leverage is small. The eigendecomposition
costs some ten Cholesky factors; each noise then n²(2 + c).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence, from_diagonal


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A kernel matrix by its eigenvectors.

    Attributes:
        values: λ ≥ 0, float64 ``[n]``, rising.
        vectors: U, float64 ``[n, n]``, in columns.
    """

    values: Tensor
    vectors: Tensor

    def effective_degrees_of_freedom(self, noise: float) -> float:
        """Return Σ λ / (λ + σ²)."""
        return float((self.values / (self.values + noise)).sum())


def spectrum(kernel_matrix: Tensor) -> Spectrum:
    """Decompose K, float64 ``[n, n]``.

    Raises:
        ImprintError: K is not float64 or not finite, or has an eigenvalue below 0 by more than
            rounding.
    """
    if kernel_matrix.dtype != torch.float64:
        raise ImprintError(f"the kernel matrix is {kernel_matrix.dtype}: compute it in float64")
    if not bool(kernel_matrix.isfinite().all()):
        raise ImprintError(
            "the kernel matrix is not finite: scale the inputs down, they are too large or too far "
            "apart for float64"
        )
    values, vectors = torch.linalg.eigh(kernel_matrix)
    rounding = len(values) * torch.finfo(torch.float64).eps * float(values[-1].abs())
    if not float(values[0]) >= -10 * rounding:
        raise ImprintError(
            f"the kernel matrix has the eigenvalue {float(values[0]):g}, no kernel has a negative "
            "one: compute it again in float64"
        )
    return Spectrum(values.clamp(min=0), vectors)


def noise_path(
    decomposition: Spectrum, targets: Tensor, noises: Sequence[float]
) -> list[SelfInfluence]:
    """Return the self-influence of every record at each noise variance.

    Args:
        decomposition: of the kernel matrix of all records.
        targets: Y, float64 ``[n, c]``.
        noises: values of σ² > 0.

    Raises:
        ImprintError: targets that do not fit, or a noise variance that is not positive.
    """
    values, vectors = decomposition.values, decomposition.vectors
    if targets.ndim != 2 or len(targets) != len(values):
        raise ImprintError(
            f"targets of shape {list(targets.shape)} do not fit {len(values)} records"
        )
    if not noises or not all(0 < noise < math.inf for noise in noises):
        raise ImprintError(f"noise variances must be positive and finite, got {list(noises)}")
    squares, turned = vectors.square(), vectors.T @ targets
    damping = 1 / (values[:, None] + torch.tensor(noises, dtype=values.dtype, device=values.device))
    inverse = squares @ damping
    leverage = squares @ (values[:, None] * damping)
    damped = damping[:, :, None] * turned[:, None]
    weights = (vectors @ damped.flatten(1)).reshape(damped.shape)
    return [
        from_diagonal(leverage[:, at], inverse[:, at], weights[:, at], targets, noise)
        for at, noise in enumerate(noises)
    ]
