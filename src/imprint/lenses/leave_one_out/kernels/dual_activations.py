"""Dual activations: what a layer of infinitely many units makes of a covariance.

F(k, p, q) = E[φ(u) φ(v)] for (u, v) normal with variances p, q and covariance k. Derivatives:
F_k = E[φ'(u) φ'(v)], F_p = ½ E[φ''(u) φ(v)], and F_q with the roles of p and q exchanged.

ReLU: t = √(pq − k²), θ = atan2(t, k), F = (t + (π − θ) k) / 2π; θ = π/2 if p or q is zero.
Erf: F = (2/π) atan2(2k, T), T = √((1 + 2p)(1 + 2q) − 4k²).
GELU, u Φ(u) and not its tanh form: P = (1 + p)(1 + q), D = √(P − k²),
F = k/4 + (k atan2(k, D) + (k² + pq D²) / (P D)) / 2π.

The angle is an atan2 with the root, never an arc cosine of a ratio: its error then cancels that of
the root, and F keeps its digits for pairs that are almost collinear. A root of zero has derivative
zero here: gradients at identical and at zero inputs are finite.

Cho and Saul 2009, "Kernel Methods for Deep Learning"; Williams 1997, "Computing with Infinite
Networks"; Tsuchida, Pearce, van der Heide, Roosta, Gallagher 2021, "Avoiding Kernel Fixed Points".
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from imprint.core.errors import ImprintError

Activation = Literal["relu", "erf", "gelu"]

Slopes = tuple[Tensor, Tensor, Tensor]

# In slopes, pairs with pq − k² up to this share of pq count as collinear: rounding alone left up to
# 31 units of an input of 3072 numbers with itself. The angle is then below 1.2e-7.
COLLINEAR = 64 * torch.finfo(torch.float64).eps


class DualActivation(ABC):
    """F of one activation, differentiable.

    All methods take float64 tensors that broadcast: ``k`` covariances, ``p`` and ``q`` variances,
    |k| ≤ √(pq) up to rounding, and change none of them.
    """

    def __call__(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q) in the shape of ``k``."""
        if torch.is_grad_enabled() and (k.requires_grad or p.requires_grad or q.requires_grad):
            result: Tensor = _WithSlopes.apply(self, k, p, q)  # type: ignore[no-untyped-call]
            return result
        return self.value(k, p, q)

    @abstractmethod
    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q), by as few passes and temporaries as it takes; no gradient."""

    @abstractmethod
    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q in the shape of ``k``; no gradient."""

    @abstractmethod
    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k, the factor that a neural tangent kernel takes on; differentiable."""

    @abstractmethod
    def variance(self, p: Tensor) -> Tensor:
        """Return F(p, p, p), differentiable."""


class ReLU(DualActivation):
    """φ(u) = max(u, 0)."""

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


class Erf(DualActivation):
    """φ(u) = erf(u)."""

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        root = self._root(k, p, q)
        return torch.atan2(2 * k, root, out=root).mul_(2 / math.pi)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q."""
        by_k = (4 / math.pi) / self._root(k, p, q)
        shared = -k * by_k
        return by_k, shared / (1 + 2 * p), shared / (1 + 2 * q)

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k."""
        return (4 / math.pi) / self._root(k, p, q)

    def variance(self, p: Tensor) -> Tensor:
        """Return (2/π) atan2(2p, √(1 + 4p))."""
        return (2 / math.pi) * torch.atan2(2 * p, torch.sqrt(1 + 4 * p))

    @staticmethod
    def _root(k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return T ≥ 1."""
        return ((1 + 2 * p) * (1 + 2 * q)).addcmul_(k, k, value=-4).sqrt_()


class GELU(DualActivation):
    """φ(u) = u Φ(u), Φ the standard normal distribution function."""

    def value(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F(k, p, q)."""
        root = ((1 + p) * (1 + q)).addcmul_(k, k, value=-1).sqrt_()
        ratio = k / root
        shares = (p / (1 + p)) * (q / (1 + q))
        # (k² + pq D²) / (P D) = (k/D)² D / P + D · p/(1+p) · q/(1+q), all terms positive.
        shares.addcmul_(ratio.square_(), (1 / (1 + p)) * (1 / (1 + q))).mul_(root)
        angle = torch.atan2(k, root, out=root).add_(math.pi / 2)
        return shares.addcmul_(angle, k).mul_(0.5 / math.pi)

    def slopes(self, k: Tensor, p: Tensor, q: Tensor) -> Slopes:
        """Return F_k, F_p and F_q."""
        product = (1 + p) * (1 + q)
        root = (product - k * k).sqrt()
        inverse = 1 / root
        # −k² (1/2 + 1/P + 1/(2D²)) / D + pq / (2D), which F_p and F_q share.
        shared = (-k * k * (0.5 + 1 / product + 0.5 * inverse**2) + 0.5 * p * q) * inverse
        ratio = root / product
        by_p = (shared + q * ratio) / (2 * math.pi * (1 + p))
        by_q = (shared + p * ratio) / (2 * math.pi * (1 + q))
        return self.slope(k, p, q), by_p, by_q

    def slope(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return F_k."""
        product = (1 + p) * (1 + q)
        square = product - k * k
        root = square.sqrt()
        rest = k / root * (1 / square + (1 - p * q) / product + 1)
        return 0.25 + (torch.atan2(k, root) + rest) / (2 * math.pi)

    def variance(self, p: Tensor) -> Tensor:
        """Return p/4 + (p/2π) atan2(p, √(1 + 2p)) + p² / (π (1 + p) √(1 + 2p))."""
        root = torch.sqrt(1 + 2 * p)
        return p * (0.25 + torch.atan2(p, root) / (2 * math.pi) + p / (math.pi * (1 + p) * root))


DUAL_ACTIVATIONS: dict[Activation, DualActivation] = {
    "relu": ReLU(),
    "erf": Erf(),
    "gelu": GELU(),
}


def dual_activation(name: Activation) -> DualActivation:
    """Return the dual of the activation ``name``.

    Raises:
        ImprintError: it is none of relu, erf and gelu.
    """
    if name not in DUAL_ACTIVATIONS:
        listed = ", ".join(get_args(Activation))
        raise ImprintError(f"unknown activation {name!r}: choose one of {listed}")
    return DUAL_ACTIVATIONS[name]


class _WithSlopes(torch.autograd.Function):
    """F with its analytic derivatives."""

    @staticmethod
    def forward(ctx: Any, dual: DualActivation, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        ctx.dual = dual
        ctx.save_for_backward(k, p, q)
        return dual.value(k, p, q)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors
        slopes = ctx.dual.slopes(*inputs)
        return None, *(
            (gradient * slope).sum_to_size(value.shape) if needed else None
            for slope, value, needed in zip(slopes, inputs, ctx.needs_input_grad[1:], strict=True)
        )


def _collinear_root(k: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Return √(pq − k²), and zero with derivative zero where that is rounding."""
    product = p * q
    square = product - k * k
    open_angle = square > COLLINEAR * product
    return torch.where(open_angle, square, 1.0).sqrt() * open_angle


def _inverse(p: Tensor) -> Tensor:
    """Return 1/p, and 0 where p is zero."""
    return torch.where(p > 0, p, torch.inf).reciprocal()
