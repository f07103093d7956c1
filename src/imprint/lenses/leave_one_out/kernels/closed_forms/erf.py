"""Erf: F = (2/π) atan2(2k, T), T = √((1 + 2p)(1 + 2q) − 4k²).

Williams 1997, "Computing with Infinite Networks".
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import (
    CLOSED_FORMS,
    DualActivation,
    Slopes,
)


@CLOSED_FORMS.register("erf")
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
