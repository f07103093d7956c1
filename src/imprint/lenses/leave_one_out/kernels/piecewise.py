"""Functions with a kink at 0, and expectations of the kinks in closed form.

f = Σ J_m u₊ᵐ/m! + s, with J_m the jump of the m-th derivative at 0, m = 0, 1, 2 (and −1: a point
mass, in derivatives of a step): what is left, s, has a continuous second derivative there, and its
Hermite series converges fast. With ρ = cos θ and (a, b) the powers of two kinks,

E[u₊ᵃ v₊ᵇ] = p^{a/2} q^{b/2} R_{a+b} A_{ab}(θ) / 2π,  R_m = ∫ r^{m+1} exp(−r²/2) dr,
A₀₀ = π − θ, A₀₁ = 1 + ρ, A₁₁ = (sin θ + (π − θ) ρ)/2, A₀₂ = (π − θ + ρ sin θ)/2,
A₁₂ = (1 + ρ)²/3, A₂₂ = (3 ρ sin θ + (π − θ)(1 + 2ρ²))/8.

Cho and Saul 2009, "Kernel Methods for Deep Learning", of which A_{aa} are the arc-cosine kernels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.hermite_basis import hermite, normal_rule
from imprint.neurons.activation_function import Elementwise, derivative

ORDERS = (-1, 0, 1, 2)
"""Of derivatives whose jumps are taken out."""

# Beside 0: so near that no other term counts, and a normal number still.
BESIDE = 1e-30
# Jumps below are rounding.
LEAST_JUMP = 1e-9


@dataclass(frozen=True, eq=False)
class PiecewiseFunction:
    """A function of one number that is smooth but at 0.

    Attributes:
        function: its values but at 0.
        jumps: J of each of :data:`ORDERS`.
    """

    function: Elementwise
    jumps: tuple[float, ...]

    @property
    def kinks(self) -> list[tuple[int, float]]:
        """Order and J/m! of each kink that it has."""
        jumps = zip(ORDERS, self.jumps, strict=True)
        return [(m, jump / math.factorial(max(m, 0))) for m, jump in jumps if jump]

    def rest(self, values: Tensor) -> Tensor:
        """Return s of some numbers other than 0."""
        result = self.function(values).clone()
        positive = values.clamp(min=0)
        for order, factor in self.kinks:
            if order >= 0:
                power = (values > 0).to(values) if order == 0 else positive**order
                result -= factor * power
        return result

    def derivative(self) -> PiecewiseFunction:
        """Return the derivative; a step of the function is a point mass of it."""
        return piecewise(derivative(self.function), self.jumps[1])

    def times_argument_derivative(self) -> PiecewiseFunction:
        """Return u f'(u)."""
        slope = derivative(self.function)
        return piecewise(lambda values: values * slope(values))


def piecewise(function: Elementwise, mass: float = 0.0) -> PiecewiseFunction:
    """Return a function with its jumps at 0, taken from its derivatives on both sides.

    Args:
        function: elementwise.
        mass: of its point mass at 0.
    """
    jumps = [mass]
    sides = torch.tensor([-BESIDE, BESIDE], dtype=torch.float64)
    each: Elementwise = function
    for _ in ORDERS[1:]:
        try:
            low, high = each(sides).tolist()
        except RuntimeError:  # no further derivative is known
            low, high = 0.0, 0.0
        jump = high - low
        real = math.isfinite(jump) and abs(jump) > LEAST_JUMP * (1 + abs(high))
        jumps.append(jump if real else 0.0)
        each = derivative(each)
    return PiecewiseFunction(function, tuple(jumps))


@lru_cache(maxsize=8)
def kink_coefficients(order: int, size: int) -> Tensor:
    """Return E[z₊ᵐ h_n(z)], float64 ``[size]``; for order −1 those of a point mass."""
    if order < 0:
        return hermite(torch.zeros(1, dtype=torch.float64), size)[0] / math.sqrt(2 * math.pi)
    rule = normal_rule(size)
    power = (rule.nodes > 0).double() if order == 0 else rule.nodes.clamp(min=0) ** order
    return power @ rule.projection


def kink_expectation(a: int, b: int, cosine: Tensor, sine: Tensor) -> Tensor:
    """Return E[u₊ᵃ v₊ᵇ] of two standard normal numbers at an angle; −1 for a point mass."""
    a, b = min(a, b), max(a, b)
    if a < 0:
        return _with_mass(b, sine)
    rest = math.pi - torch.atan2(sine, cosine) if (a + b) % 2 == 0 else sine
    moment = {0: 1.0, 1: math.sqrt(math.pi / 2), 2: 2.0, 3: 3 * math.sqrt(math.pi / 2), 4: 8.0}
    angular = {
        (0, 0): lambda: rest,
        (0, 1): lambda: 1 + cosine,
        (1, 1): lambda: (sine + rest * cosine) / 2,
        (0, 2): lambda: (rest + cosine * sine) / 2,
        (1, 2): lambda: (1 + cosine) ** 2 / 3,
        (2, 2): lambda: (3 * cosine * sine + rest * (1 + 2 * cosine**2)) / 8,
    }
    result: Tensor = angular[a, b]() * (moment[a + b] / (2 * math.pi))
    return result


def _with_mass(b: int, sine: Tensor) -> Tensor:
    """Return E[δ(u) v₊ᵇ]; zero where u and v are collinear and the second a mass as well."""
    if b < 0:
        return torch.where(sine > 0, 1 / (2 * math.pi * sine), 0.0)
    factor = {0: math.sqrt(math.pi / 2), 1: 1.0, 2: math.sqrt(math.pi / 2)}[b]
    return sine**b * (factor / (2 * math.pi))
