"""Identity, square, sine, cosine, exponential and Gaussian.

identity k, square pq + 2k², sin exp(−(p+q)/2) sinh k, cos exp(−(p+q)/2) cosh k,
exp exp((p+q)/2 + k), exp(−u²) 1/√((1 + 2p)(1 + 2q) − 4k²).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import (
    CLOSED_FORMS,
    DualActivation,
    Slopes,
)


class SmoothForm(DualActivation):
    """F as a formula that is differentiable everywhere."""

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        return self.form(k, p, q)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q, by differentiation of the formula."""
        with torch.enable_grad():
            inputs = [part.detach().expand_as(k).requires_grad_() for part in (k, p, q)]
            total = self.form(*inputs).sum()
            slopes = torch.autograd.grad(total, inputs, materialize_grads=True)
        return slopes[0], slopes[1], slopes[2]

    def variance(self, p: Tensor) -> Tensor:
        """Return F(p, p, p)."""
        return self.form(p, p, p)

    @abstractmethod
    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q), differentiable."""


@CLOSED_FORMS.register("identity")
class Identity(SmoothForm):
    """φ(u) = u."""

    homogeneous: ClassVar[bool] = True

    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return k."""
        return k * 1

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return 1."""
        return k * 0 + 1


@CLOSED_FORMS.register("square")
class Square(SmoothForm):
    """φ(u) = u²."""

    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return pq + 2k²."""
        return p * q + 2 * k * k

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return 4k."""
        return 4 * k


class Periodic(SmoothForm):
    """φ(u) = sin u or cos u; the slope of each is the other's F."""

    sign: ClassVar[int]

    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return exp(−(p+q)/2) sinh k or cosh k."""
        return self._hyperbolic(k, p, q, self.sign)

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return the other of the two."""
        return self._hyperbolic(k, p, q, -self.sign)

    @staticmethod
    def _hyperbolic(k: Tensor, p: Tensor, q: Tensor, sign: int) -> Tensor:
        """Return exp(−(p+q)/2) (eᵏ + sign e⁻ᵏ)/2: no term overflows, as |k| ≤ (p+q)/2."""
        half = (p + q) / 2
        if sign > 0:
            return (torch.exp(k - half) + torch.exp(-k - half)) / 2
        # sinh of a small k keeps its digits.
        small = k.abs() < 1
        near = torch.sinh(torch.where(small, k, 0.0)) * torch.exp(-half)
        return torch.where(small, near, (torch.exp(k - half) - torch.exp(-k - half)) / 2)


@CLOSED_FORMS.register("sin")
class Sine(Periodic):
    """φ(u) = sin u."""

    sign: ClassVar[int] = -1


@CLOSED_FORMS.register("cos")
class Cosine(Periodic):
    """φ(u) = cos u."""

    sign: ClassVar[int] = 1


@CLOSED_FORMS.register("exp")
class Exponential(SmoothForm):
    """φ(u) = eᵘ."""

    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return exp((p+q)/2 + k)."""
        return torch.exp((p + q) / 2 + k)

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return the same."""
        return self.form(k, p, q)


@CLOSED_FORMS.register("gaussian")
class Gaussian(SmoothForm):
    """φ(u) = exp(−u²)."""

    def form(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return 1/T."""
        return self._square(k, p, q).rsqrt()

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return 4k/T³."""
        return 4 * k * self._square(k, p, q) ** -1.5

    @staticmethod
    def _square(k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        return (1 + 2 * p) * (1 + 2 * q) - 4 * k * k
