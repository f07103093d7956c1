"""A low-rank kernel plus a diagonal, for the self values of more records than n² allows.

With m landmarks out of the n records, K̂ = K_nm K_mm⁺ K_mn = ZZᵀ. That alone does not give
leave-one-out values: what the landmarks miss of a record, δ_s = K_ss − |Z_s|², is most of what the
record determines of itself, and K̂ says it is nothing. Here it stays on the diagonal,

    A ≈ ZZᵀ + D,   D = δ + σ²,   S = I + ZᵀD⁻¹Z = GGᵀ,   W = D⁻¹ZG⁻ᵀ,
    R ≈ D⁻¹ − WWᵀ,   h_s ≈ δ_s/D_s + σ²|W_s|²,

the fully independent training conditional (Snelson, Ghahramani 2006, "Sparse Gaussian processes
using pseudo-inputs"). On 3000 CIFAR-10 images with m = 1000 the median error of the leverage falls
from 63 and 87 % (raw and standardised pixels) to 8 and 4 %. Its errors lean one way: they say that
what one record does not share with the landmarks it shares with no one.

What a record would be with no data but the landmarks bounds what it is with all: its variance

    v_s ≤ K_ss − Σ_i Z_si² λ_i/(λ_i + σ²),   λ the eigenvalues of K_mm,

or, of a landmark, its leave-one-out variance among them, 1/[(K_mm + σ²I)⁻¹]_ss − σ².

Landmarks are drawn at random. Time n m² and the kernel of n × m pairs; memory n m, and for a moment
twice that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs
from imprint.lenses.leave_one_out.large.conjugate_gradients import StreamedMatrix
from imprint.lenses.leave_one_out.linalg.threads import blocks
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import add_product, divide_rows


class Nystrom:
    """A ≈ ZZᵀ + D, as an approximate inverse.

    Args:
        matrix: A.
        landmarks: their indices, ``[m]``, all different.

    Attributes:
        rank: of Z.
        variance_bound: of each record in the model without it, at most, float64 ``[n]``.

    Raises:
        ImprintError: a noise variance that is lost beside the kernel.
    """

    def __init__(self, matrix: StreamedMatrix, landmarks: Tensor) -> None:
        factor, eigenvalues, turn = _low_rank(matrix, landmarks)
        self.rank = factor.shape[1]
        self._noise = matrix.noise
        own = matrix.kernel.diagonal(matrix.records, memory=matrix.memory)
        self.variance_bound = _variance_bound(
            factor, eigenvalues, turn, own, landmarks, self._noise
        )
        self._missed = (own - factor.square().sum(1)).clamp_(min=0)
        self._diagonal = self._missed + self._noise
        inner = torch.eye(self.rank, dtype=factor.dtype, device=factor.device)
        for rows in blocks(len(factor), matrix.block):
            add_product(inner, factor[rows].T, factor[rows] / self._diagonal[rows, None])
        triangle, failed = torch.linalg.cholesky_ex(inner)
        if int(failed):
            raise ImprintError(
                f"the landmarks' part of the kernel is not positive definite beside a noise "
                f"variance of {self._noise:g}: raise the noise variance, or take fewer landmarks"
            )
        for rows in blocks(len(factor), matrix.block):
            factor[rows] /= self._diagonal[rows, None]
            divide_rows(factor[rows], triangle)
        self._woodbury = factor

    def solve(self, right: Tensor) -> Tensor:
        """Return the approximate Rb, float64 ``[n, k]``."""
        inner = self._woodbury.T @ right
        return torch.addmm(right / self._diagonal[:, None], self._woodbury, inner, alpha=-1)

    def diagonal(self) -> tuple[Tensor, Tensor]:
        """Return the approximate R_ss and leverage, float64 ``[n]``; sums of positive terms."""
        squares = self._woodbury.square().sum(1)
        shared = self._noise * squares
        return 1 / self._diagonal - squares, self._missed / self._diagonal + shared


def _low_rank(matrix: StreamedMatrix, landmarks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return Z, float64 ``[n, rank]``, eigenvalues ``[rank]`` and eigenvectors ``[m, rank]``.

    Eigenvalues of K_mm that are rounding are left out.
    """
    chosen: PreparedInputs = matrix.records.map(lambda values: values[landmarks])
    values, vectors = torch.linalg.eigh(matrix.kernel(chosen, memory=matrix.memory))
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    values, vectors = values[kept], vectors[:, kept]
    turn = vectors / values.sqrt()
    result: Tensor = turn.new_empty(len(matrix.records), turn.shape[1])
    for rows in blocks(len(matrix.records), matrix.block):
        tile = matrix.kernel(matrix.records.part(rows), chosen, memory=matrix.memory)
        result[rows] = tile @ turn
    return result, values, vectors


def _variance_bound(
    factor: Tensor, values: Tensor, vectors: Tensor, own: Tensor, landmarks: Tensor, noise: float
) -> Tensor:
    """Return an upper bound of the variance of each record without itself, float64 ``[n]``."""
    bound = own - factor.square() @ (values / (values + noise))
    inverse = (1 - vectors.square() @ (values / (values + noise))) / noise
    bound[landmarks] = 1 / inverse - noise
    return torch.minimum(bound.clamp_(min=0), own)
