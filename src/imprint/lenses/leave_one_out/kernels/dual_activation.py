"""Dual activations: what a layer of infinitely many units makes of a covariance.

F(k, p, q) = E[φ(u) φ(v)] for (u, v) normal with variances p, q and covariance k. Derivatives:
F_k = E[φ'(u) φ'(v)], F_p = ½ E[φ''(u) φ(v)], and F_q with the roles of p and q exchanged.

An activation with a closed form has a class in ``closed_forms/``
(:mod:`~imprint.lenses.leave_one_out.kernels.dual_activations` finds it).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from imprint.core.registry import Registry

Activation = str
"""Name of an activation function (:mod:`imprint.neurons.activation_function`)."""

Slopes = tuple[Tensor, Tensor, Tensor]


class DualActivation(ABC):
    """F of one activation, differentiable.

    All methods take float64 tensors that broadcast: ``k`` covariances, ``p`` and ``q`` variances,
    |k| ≤ √(pq) up to rounding, and change none of them.
    """

    homogeneous: ClassVar[bool] = False
    """Whether φ(tu) = t φ(u) for every t > 0."""

    exact: ClassVar[bool] = True
    """Whether F is a closed form, not a quadrature."""

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

    def error(self, p: Tensor) -> float:
        """Return a bound of the error of F among units of these variances.

        As a share of the largest F(p, p, p): rounding apart, 0 for a closed form.
        """
        return 0.0

    def slope_error(self, p: Tensor) -> float:
        """Return a bound of the error of F_k, likewise, as a share of the largest F_k(p, p, p)."""
        return 0.0


CLOSED_FORMS: Registry[Callable[..., DualActivation]] = Registry(
    "closed form", "imprint.lenses.leave_one_out.kernels.closed_forms"
)
"""By the name of their activation; called with its number, if it has one."""


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
