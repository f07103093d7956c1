"""The dual of any activation, by quadrature: Hermite series with closed forms of kinks at 0.

F is the expectation of (φ, φ), F_k that of (φ', φ'). Scaling u shows 2p F_p + k F_k =
E[u φ'(u) φ(v)], from which F_p follows without φ'', whose point masses no quadrature sees.

An activation with kinks elsewhere than at 0 works too, with the larger error that is stated. Cost
of a pair: two passes a term, which is 16 to 128 terms up to a deviation of 2 (half as many for odd
and even functions), and more near collinear pairs of units that vary more.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import DualActivation, Slopes
from imprint.lenses.leave_one_out.kernels.hermite_series import (
    inverse,
    mean_products,
    range_of,
    series,
)
from imprint.lenses.leave_one_out.kernels.piecewise import PiecewiseFunction, piecewise
from imprint.neurons.activation_function import Elementwise


class SeriesDual(DualActivation):
    """F of an elementwise function that torch differentiates.

    Args:
        function: φ, also with its jumps at 0.
    """

    exact: ClassVar[bool] = False

    def __init__(self, function: Elementwise | PiecewiseFunction) -> None:
        self.phi: PiecewiseFunction = (
            function if isinstance(function, PiecewiseFunction) else piecewise(function)
        )

    @cached_property
    def derived(self) -> SeriesDual:
        """The dual of φ'."""
        return SeriesDual(self.phi.derivative())

    @cached_property
    def scaled(self) -> PiecewiseFunction:
        """U φ'(u)."""
        return self.phi.times_argument_derivative()

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        return series(self.phi, self.phi, range_of(p, q))(k, p, q)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q."""
        within = range_of(p, q)
        by_k = self.derived.value(k, p, q)
        moved = k * by_k
        by_p = series(self.scaled, self.phi, within)(k, p, q) - moved
        by_q = series(self.phi, self.scaled, within)(k, p, q) - moved
        return by_k, by_p * inverse(2 * p), by_q * inverse(2 * q)

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k."""
        return self.derived(k, p, q)

    def variance(self, p: Tensor) -> Tensor:
        """Return F(p, p, p) by quadrature of each."""
        result: Tensor = _Variance.apply(self, p)  # type: ignore[no-untyped-call]
        return result

    def error(self, p: Tensor) -> float:
        """Return a bound of the error of F among units of these variances."""
        return series(self.phi, self.phi, range_of(p)).error

    def slope_error(self, p: Tensor) -> float:
        """Return a bound of the error of F_k: far larger than that of F where φ' is a peak."""
        return self.derived.error(p)


class _Variance(torch.autograd.Function):
    """E[φ(√p z)²], whose derivative is E[u φ'(u) φ(u)]/p."""

    @staticmethod
    def forward(ctx: Any, dual: SeriesDual, p: Tensor) -> Tensor:
        ctx.dual = dual
        ctx.save_for_backward(p)
        return mean_products(dual.phi, dual.phi, p)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        (p,) = ctx.saved_tensors
        change = mean_products(ctx.dual.scaled, ctx.dual.phi, p) * inverse(p)
        return None, gradient * change
