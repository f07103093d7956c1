"""Radial basis functions: exp(−γ/d · ‖x − x'‖²) over all d inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel, check
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs


@KERNELS.register("rbf")
@dataclass(frozen=True, kw_only=True)
class RadialBasis(Kernel):
    """Similarity that falls with the distance."""

    gamma: float = 1.0
    """Factor of the mean squared difference."""

    def __post_init__(self) -> None:
        check(self.gamma > 0 and math.isfinite(self.gamma), "gamma", self.gamma, "above 0")

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, d]``, scaled such that squared distances are exponents."""
        return x.flatten(1) * math.sqrt(self.gamma / x[0].numel())

    def records(self, inputs: PreparedInputs) -> PreparedInputs:
        """Return the inputs with their squared lengths ``[n]``."""
        return PreparedInputs(
            inputs.inputs, (torch.einsum("nd,nd->n", inputs.inputs, inputs.inputs),)
        )

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        lengths = rows.variances[0][:, None] + columns.variances[0]
        square = torch.addmm(lengths, rows.inputs, columns.inputs.T, alpha=-2)
        return square.clamp(min=0).neg().exp()

    def own(self, records: PreparedInputs) -> Tensor:
        """Return ones ``[n]``."""
        return torch.ones_like(records.variances[0])
