"""ReLU, leaky ReLU and absolute value.

ReLU: t = √(pq − k²), θ = atan2(t, k), F = (t + (π − θ) k) / 2π; θ = π/2 if p or q is zero. Leaky
ReLU of slope α is αu + (1 − α) max(u, 0), so its F is αk + (1 − α)² that of ReLU; |u| is α = −1.

The angle is an atan2 with the root, never an arc cosine of a ratio: its error then cancels that of
the root, and F keeps its digits for pairs that are almost collinear. A root of zero has derivative
zero here: gradients at identical and at zero inputs are finite.

Cho and Saul 2009, "Kernel Methods for Deep Learning".
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import (
    CLOSED_FORMS,
    DualActivation,
    Slopes,
)

# In slopes, pairs with pq − k² up to this share of pq count as collinear: rounding alone left up to
# 31 units of an input of 3072 numbers with itself. The angle is then below 1.2e-7.
COLLINEAR = 64 * torch.finfo(torch.float64).eps


@CLOSED_FORMS.register("relu")
class ReLU(DualActivation):
    """φ(u) = max(u, 0)."""

    homogeneous: ClassVar[bool] = True

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        root = (p * q).addcmul_(k, k, value=-1).clamp_(min=0).sqrt_()
        minus_rest = torch.atan2(root, k).sub_(math.pi)
        return root.addcmul_(minus_rest, k, value=-1).mul_(0.5 / math.pi)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q."""
        root = _collinear_root(k, p, q)
        by_k = self._share(root, k)
        root.mul_(0.25 / math.pi)
        return by_k, root * _inverse(p), root * _inverse(q)

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k."""
        return self._share(_collinear_root(k, p, q), k)

    def variance(self, p: Tensor) -> Tensor:
        """Return p/2."""
        return 0.5 * p

    @staticmethod
    def _share(root: Tensor, k: Tensor) -> Tensor:
        """Return (π − θ) / 2π, 1/4 where both are zero."""
        undefined = (root == 0) & (k == 0)
        angle = torch.atan2(root.masked_fill(undefined, 1.0), k.masked_fill(undefined, 0.0))
        return 0.5 - angle / (2 * math.pi)


@CLOSED_FORMS.register("leaky_relu")
class LeakyReLU(DualActivation):
    """φ(u) = max(u, 0) + α min(u, 0)."""

    homogeneous: ClassVar[bool] = True

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = alpha
        self.bent = (1 - alpha) ** 2
        self.relu = ReLU()

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        return self.relu.value(k, p, q).mul_(self.bent).add_(k, alpha=self.alpha)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q."""
        by_k, by_p, by_q = self.relu.slopes(k, p, q)
        return self.alpha + self.bent * by_k, self.bent * by_p, self.bent * by_q

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k."""
        return self.alpha + self.bent * self.relu.slope(k, p, q)

    def variance(self, p: Tensor) -> Tensor:
        """Return (1 + α²) p/2."""
        return (0.5 * (1 + self.alpha**2)) * p


@CLOSED_FORMS.register("abs")
def absolute_value() -> DualActivation:
    """Return the dual of |u|."""
    return LeakyReLU(-1.0)


def _collinear_root(k: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Return √(pq − k²), and zero with derivative zero where that is rounding."""
    product = p * q
    square = product - k * k
    open_angle = square > COLLINEAR * product
    return torch.where(open_angle, square, 1.0).sqrt() * open_angle


def _inverse(p: Tensor) -> Tensor:
    """Return 1/p, and 0 where p is zero."""
    return torch.where(p > 0, p, torch.inf).reciprocal()
