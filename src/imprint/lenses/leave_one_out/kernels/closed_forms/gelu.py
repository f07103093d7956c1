"""GELU, u Φ(u) and not its tanh form.

P = (1 + p)(1 + q), D = √(P − k²), F = k/4 + (k atan2(k, D) + (k² + pq D²) / (P D)) / 2π.

Tsuchida, Pearce, van der Heide, Roosta, Gallagher 2021, "Avoiding Kernel Fixed Points".
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


@CLOSED_FORMS.register("gelu")
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
