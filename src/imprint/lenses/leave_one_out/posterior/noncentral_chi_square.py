"""The noncentral chi-square law with an integer number of degrees of freedom, in logarithms.

With p = 1 + q and x = λ + e the distribution function is (1/2πi) ∫ G(p) dp / q along a path around
the negative axis that passes the pole q = 0 on its right (the upper tail: on its left, negated),

    G = p^(−c/2) exp(½ q (λ q / p + e)),

and the density the same without 1/q, halved. On the path r(θ) e^iθ with
x r² − c (θ/sin θ) r − λ = 0 the phase of G is constant (Temme, "Asymptotic and numerical aspects of
the noncentral chi-square distribution", 1993); scaled to the saddle point of G/q it keeps clear of
the pole, and a midpoint rule over its width is exact to some 1e-12 of the tail, however small.
With e = x − λ given nothing cancels when λ is huge: for λ = 10¹², a record that hardly matters,
scipy.stats.ncx2 takes a third of a second a value and may return NaN.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_NODES = 64
_NODES_OF_TWO = 96
"""Two degrees of freedom vanish slowest towards the ends of the path."""
_WIDTHS = 11.0
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def log_distribution(
    value: Tensor, excess: Tensor, noncentrality: Tensor, freedom: int
) -> tuple[Tensor, Tensor]:
    """Return the logarithms of the distribution function and of the density.

    Args:
        value: x > 0, float64 ``[n]``.
        excess: e = x − λ, float64 ``[n]``; given beside x because neither has the digits of the
            other where x or e is small against λ.
        noncentrality: λ ≥ 0, float64 ``[n]``.
        freedom: c ≥ 1.

    Returns:
        float64 ``[n]`` each; relative error of the function some 1e-12, also far in its lower tail.
    """
    if freedom == 1:
        return _squared_normal(value, excess, noncentrality)
    return _contour(value, excess, noncentrality, freedom)


def _squared_normal(value: Tensor, excess: Tensor, noncentrality: Tensor) -> tuple[Tensor, Tensor]:
    """Φ(√x − √λ) − Φ(−√x − √λ), by its series in √x where the two are nearly equal."""
    root, centre = value.sqrt(), noncentrality.sqrt()
    near, far = excess / (root + centre), root + centre
    upper, lower = torch.special.log_ndtr(near), torch.special.log_ndtr(-far)
    log_function = upper + torch.log1p(-torch.exp(lower - upper))
    cubic = value * (noncentrality - 1) / 6
    quintic = value.square() * (noncentrality.square() - 6 * noncentrality + 3) / 120
    series = torch.log(2 * root) - noncentrality / 2 + torch.log1p(cubic + quintic) - _HALF_LOG_TAU
    bells = torch.logaddexp(-0.5 * near.square(), -0.5 * far.square())
    narrow = root * (1 + centre) < 1e-2
    log_density = bells - torch.log(2 * root) - _HALF_LOG_TAU
    return torch.where(narrow, series, log_function), log_density


def _contour(
    value: Tensor, excess: Tensor, noncentrality: Tensor, freedom: int
) -> tuple[Tensor, Tensor]:
    root = torch.sqrt(freedom**2 + 4 * noncentrality * value)
    side = torch.where(excess < freedom, 1.0, -1.0).to(value)
    start, width = _saddle(value, excess, noncentrality, freedom, root, side)

    reach = torch.clamp(_WIDTHS / width, max=math.pi)
    nodes = _NODES_OF_TWO if freedom == 2 else _NODES
    middles = (torch.arange(nodes, dtype=value.dtype, device=value.device) + 0.5) / nodes
    angle = reach[:, None] * middles
    stretch = angle / angle.sin()
    slope = (angle.sin() - angle * angle.cos()) / angle.sin().square()
    product = 4 * (noncentrality * value)[:, None]
    bend = torch.sqrt((freedom * stretch) ** 2 + product)
    radius = start[:, None] + torch.log((freedom * stretch + bend) / (freedom + root)[:, None])
    turn = torch.complex(freedom * slope / bend, torch.ones_like(angle))

    # q = e^(radius + i angle) − 1 without cancellation near 0.
    grown = torch.expm1(radius)
    q = torch.complex(
        grown * angle.cos() - 2 * (angle / 2).sin().square(), (grown + 1) * angle.sin()
    )
    # λq/p + e is x − λ/p: the first form for q near 0, the second where λ and e nearly cancel.
    pull = torch.where(
        start[:, None] < 1,
        noncentrality[:, None] * q / (1 + q) + excess[:, None],
        value[:, None] - noncentrality[:, None] / (1 + q),
    )
    exponent = 0.5 * q * pull - freedom / 2 * torch.complex(radius, angle)
    height = exponent.real[:, 0]
    path = torch.exp(exponent - height[:, None]) * (1 + q) * turn

    scale = height + torch.log(reach / (nodes * math.pi))
    log_density = scale + torch.log(path.imag.sum(1) / 2)
    log_tail = scale + torch.log((side[:, None] * path / q).imag.sum(1))
    above = torch.log1p(-torch.exp(log_tail.clamp(max=0)))
    return torch.where(side > 0, log_tail, above), log_density


def _saddle(
    value: Tensor, excess: Tensor, noncentrality: Tensor, freedom: int, root: Tensor, side: Tensor
) -> tuple[Tensor, Tensor]:
    """Return log p where the path starts, on its side of the pole, and √ of the curvature there."""
    plain = (freedom + root) / (2 * value)
    near = torch.log1p(-2 * (excess - freedom) / (2 * value - freedom + root))
    saddle = torch.where(plain < 2, near, plain.log())
    curvature = noncentrality / plain + freedom / 2
    start = (saddle + side * torch.sqrt(saddle.square() + 4 / curvature)) / 2
    return start, curvature.sqrt()
