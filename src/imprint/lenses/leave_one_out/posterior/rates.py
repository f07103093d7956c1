"""True positive rates of the likelihood-ratio test for a record, at any false positive rate.

The log-likelihood ratio of out to in grows with T, the squared distance from the one point where
the two densities differ most in favour of in. In units of the variance of in,

    in:  T ~ χ²(c, noncentrality a/z),     out:  T / (1 + z) ~ χ²(c, noncentrality a (1 + z)/z),

and the test says *in* where T is small. So the rate is exact, at false positive rates that no
sampling reaches.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.noncentral_chi_square import log_distribution

_MOST_STEPS = 100
_CLOSE = 1e-6
"""Of log F before the last step, which squares it."""
_BLOCK = 1 << 13


def tpr_of_direction(spread: Tensor, surprise: Tensor, outputs: int, fpr: float) -> Tensor:
    """Return P(T ≤ t | in) where P(T ≤ t | out) = ``fpr``.

    Args:
        spread: z ≥ 0, float64 ``[..., 1]``.
        surprise: a ≥ 0, broadcasts against ``spread``.
        outputs: c.
        fpr: false positive rate in [0, 1].

    Returns:
        float64 ``[...]``, at least ``fpr``; error some 1e-12 of it.

    Raises:
        ImprintError: ``fpr`` out of range, or several directions, whose ratio is another law.
    """
    if not 0 <= fpr <= 1:
        raise ImprintError(f"FPR must be in [0, 1], got {fpr:g}")
    if spread.shape[-1] != 1:
        raise ImprintError(
            f"these models differ in {spread.shape[-1]} directions, and rates are known for one: "
            "use the area under the curve"
        )
    z, a = spread[..., 0], surprise.expand_as(spread)[..., 0]
    rates = torch.full_like(z, fpr)
    # Where nothing differs to the last bit, every test is a coin.
    differ = z > 1e-100
    if 0 < fpr < 1 and differ.any():
        pairs = zip(torch.split(z[differ], _BLOCK), torch.split(a[differ], _BLOCK), strict=True)
        rates[differ] = torch.cat([_power(z, a, outputs, fpr) for z, a in pairs])
    return rates.clamp(min=fpr, max=1)


def _power(z: Tensor, a: Tensor, outputs: int, fpr: float) -> Tensor:
    value, excess = _lower_quantile(a * (1 + z) / z, outputs, fpr)
    # t − a/z for the t above, with the two noncentralities subtracted by hand.
    value, excess = (1 + z) * value, (1 + z) * excess + a * (2 + z)
    return torch.exp(log_distribution(value, excess, a / z, outputs)[0])


def _lower_quantile(noncentrality: Tensor, freedom: int, share: float) -> tuple[Tensor, Tensor]:
    """Return x and x − λ where the distribution function is ``share``.

    By Newton in log F over log x: that function is concave, so from below no step passes the root.
    """
    value, excess = _first_guess(noncentrality, freedom, share)
    open_rows = torch.arange(len(value), device=value.device)
    for _ in range(_MOST_STEPS):
        x, e = value[open_rows], excess[open_rows]
        log_function, log_density = log_distribution(x, e, noncentrality[open_rows], freedom)
        miss = math.log(share) - log_function
        step = (miss / (torch.exp(log_density - log_function) * x)).clamp(-2, 2)
        value[open_rows], excess[open_rows] = x * torch.exp(step), e + x * torch.expm1(step)
        open_rows = open_rows[miss.abs() >= _CLOSE]
        if not len(open_rows):
            break
    return value, excess


def _first_guess(noncentrality: Tensor, freedom: int, share: float) -> tuple[Tensor, Tensor]:
    """Return Wilson and Hilferty's cube for a chi-square of the same two moments: x and x − λ."""
    mean = freedom + noncentrality
    spread = 2 * (freedom + 2 * noncentrality) / (9 * mean.square())
    normal = float(torch.special.ndtri(torch.tensor(share, dtype=torch.float64)))
    cube = (1 - spread + normal * spread.sqrt()) ** 3
    # Below the quantile of the central law, where the cube may have left the positive numbers.
    least = 2 * math.exp((math.log(share) + math.lgamma(freedom / 2 + 1)) * 2 / freedom)
    value = (mean * cube).clamp(min=least)
    return value, torch.maximum(freedom + mean * (cube - 1), least - noncentrality)
