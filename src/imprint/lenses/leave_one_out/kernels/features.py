"""Kernels of features: linear ⟨x, x'⟩/d, or the cosine ⟨x, x'⟩/(‖x‖ ‖x'‖).

For embeddings of a trained network: the posterior is then that of a Bayesian linear read-out. The
cosine of a zero vector with any is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel, check
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs

Similarity = Literal["linear", "cosine"]


@KERNELS.register("features")
@dataclass(frozen=True, kw_only=True)
class Features(Kernel):
    """Inner products of features of any shape, flattened."""

    similarity: Similarity = "linear"
    """linear: mean product; cosine: of the angle between."""

    def __post_init__(self) -> None:
        known = self.similarity in get_args(Similarity)
        check(known, "similarity", repr(self.similarity), "linear or cosine")

    @property
    def homogeneous(self) -> bool:
        """The mean product alone; a cosine knows no length."""
        return self.similarity == "linear"

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, d]``, scaled such that inner products are the kernel."""
        flat = x.flatten(1)
        if self.similarity == "linear":
            return flat / math.sqrt(flat.shape[1])
        length = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
        unit: Tensor = flat / torch.where(length > 0, length, 1.0)
        return unit

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        return rows.inputs @ columns.inputs.T

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the squared lengths ``[n]``."""
        return torch.einsum("nd,nd->n", records.inputs, records.inputs)
