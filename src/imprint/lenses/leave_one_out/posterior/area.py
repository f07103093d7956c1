"""The area under the ROC curve of the likelihood-ratio test between two Gaussians, exactly.

For any two laws, with m(s) = ∫ p_out^s p_in^(1−s), it is (Barrett, Abbey, Clarkson, JOSA A 1998)

    1 − AUC = (1/2π) ∫₀^∞ |m(½ + it)|² / (¼ + t²) dt.

For Gaussians that differ in directions (z, a) over c outputs, with w = ¼ + t²,

    |m|² = Π (1 + κw)^(−c/2) exp(−b w / (1 + κw)),   κ = z² / (1 + z),  b = z a (1 + z/2) / (1 + z):

a positive integrand without oscillation, for any number of directions. With 2t = tan θ and
tan θ = e^y every singularity lies at Im y = ±π/2 whatever z, a and c, so that equal steps in y
converge like e^(−π² / step), to the last bit at 0.15. (For z → 0 it is Craig's integral of the
normal tail.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_STEP = 0.15
_REACH = 240
_FLAT = -120
"""Below this node 1 + e^2y is 1 to the last bit: all further ones are one."""
_BLOCK = 1 << 14


def area_above(spread: Tensor, surprise: Tensor, outputs: int) -> Tensor:
    """Return 1 − AUC.

    Args:
        spread: z ≥ 0, float64 ``[..., k]``, the last axis over directions.
        surprise: a ≥ 0, broadcasts against ``spread``.
        outputs: c.

    Returns:
        float64 ``[...]``, in [0, ½]; absolute error below 1e-15, about 1e-12 of its value.
    """
    surprise = surprise.expand_as(spread)
    flat = [values.reshape(-1, spread.shape[-1]) for values in (spread, surprise)]
    rule = _rule(spread.device)
    parts = [
        _integrate(z, a, outputs, *rule)
        for z, a in zip(*(torch.split(values, _BLOCK) for values in flat), strict=True)
    ]
    return torch.cat(parts).clamp(max=0.5).view(spread.shape[:-1])


def _rule(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the values of w and the weights, which sum to ½."""
    steps = torch.arange(-_REACH, _REACH + 1, dtype=torch.float64, device=device) * _STEP
    weights = _STEP / (2 * math.pi * torch.cosh(steps))
    first = _REACH + _FLAT
    weights[first] = weights[: first + 1].sum()
    return (1 + torch.exp(2 * steps[first:])) / 4, weights[first:]


def _integrate(
    spread: Tensor, surprise: Tensor, outputs: int, w: Tensor, weights: Tensor
) -> Tensor:
    share = spread / (1 + spread)
    curvature = spread * share
    distance = surprise * share * (1 + spread / 2)
    exponent = torch.zeros(len(spread), len(w), dtype=torch.float64, device=spread.device)
    for kappa, b in zip(curvature.T, distance.T, strict=True):
        exponent -= torch.log1p(kappa[:, None] * w).mul_(outputs / 2)
        exponent -= b[:, None] / (1 / w + kappa[:, None])
    return exponent.exp_() @ weights
