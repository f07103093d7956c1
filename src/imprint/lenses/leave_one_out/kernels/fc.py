"""Fully connected networks of infinite width: Gaussian process and neural tangent kernel.

K⁰ = ⟨x, x'⟩/d over all d inputs, A(K) = W_std² K + b_std². K¹ = A(K⁰), and each of ``depth``
hidden layers takes Kˡ to Kˡ⁺¹ = A(F(Kˡ)); the last A is the read-out's. The neural tangent kernel
is Θ¹ = K¹, Θˡ⁺¹ = Kˡ⁺¹ + W_std² Θˡ F_k(Kˡ).

Cost: one matrix product, then about ten passes per layer, of which the arc tangent is half.

Lee, Bahri, Novak, Schoenholz, Pennington, Sohl-Dickstein 2018, "Deep Neural Networks as Gaussian
Processes"; Jacot, Gabriel, Hongler 2018, "Neural Tangent Kernel".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import (
    KERNELS,
    MAX_DEPTH,
    Limit,
    NetworkKernel,
    check,
)
from imprint.lenses.leave_one_out.kernels.tiles import Footprint, PreparedInputs


@KERNELS.register("fc")
@dataclass(frozen=True, kw_only=True)
class FullyConnected(NetworkKernel):
    """Inputs of any shape, flattened → ``depth`` × (dense, activation) → dense."""

    depth: int = 5
    """Hidden layers."""
    limit: Limit = "nngp"
    """nngp: networks as initialised, or their last layer trained; ntk: all layers trained."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(1 <= self.depth <= MAX_DEPTH, "depth", self.depth, f"from 1 to {MAX_DEPTH}")
        check(self.limit in get_args(Limit), "limit", repr(self.limit), "nngp or ntk")

    @property
    def takes_slopes(self) -> bool:
        """Whether slopes of activations enter as well: in a neural tangent kernel."""
        return self.limit == "ntk"

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, d]``."""
        return x.flatten(1)

    def records(self, inputs: PreparedInputs) -> PreparedInputs:
        """Return the inputs with the variance ``[n]`` before each activation."""
        flat = inputs.inputs
        p = self.affine(torch.einsum("nd,nd->n", flat, flat), self._input_share(flat))
        variances = [p]
        for _ in range(self.depth - 1):
            variances.append(self.affine(self.dual.variance(variances[-1])))
        return PreparedInputs(flat, tuple(variances))

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        one, other = rows.inputs, columns.inputs
        first = self.w_std**2 * self._input_share(one)
        bias = one.new_full((1, 1), self.b_std**2)
        k = torch.addmm(bias, one, other.T, alpha=first)
        variances = zip(rows.variances, columns.variances, strict=True)
        return self._through_layers(k, [(p[:, None], q[None, :]) for p, q in variances])

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each record with itself, ``[n]``."""
        if self.limit == "nngp":
            return self.affine(self.dual.variance(records.variances[-1]))
        return self._through_layers(records.variances[0], [(p, p) for p in records.variances])

    def footprint(self, records: PreparedInputs) -> Footprint:
        """Return one value; a graph keeps a few a layer."""
        return Footprint(kept=4 * self.depth)

    def _through_layers(self, k: Tensor, variances: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the kernel after all layers but the first affine map."""
        if self.limit == "nngp":
            for p, q in variances:
                k = self.affine(self.dual(k, p, q))
            return k
        tangent = k
        for p, q in variances:
            moved = tangent * self.dual.slope(k, p, q)
            k = self.affine(self.dual(k, p, q))
            tangent = torch.add(k, moved, alpha=self.w_std**2)
        return tangent

    def _input_share(self, flat: Tensor) -> float:
        return self.input_scale**2 / flat.shape[1]
