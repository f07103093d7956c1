"""E[f(u) g(v)] of any two functions: closed forms of their kinks, and a Hermite series.

With f_n(p) = E[f(√p z) h_n(z)] and ρ = k/√(pq), Mehler's formula says E[f(u) g(v)] =
Σ ρⁿ f_n(p) g_n(q): of a tile of pairs, two passes a term over the pairs, and work of records for
the coefficients. These are, divided by 1 + √p, interpolated between Chebyshev nodes in
√p/(1 + √p), where they were computed by quadrature once for each range of variances.

Error: terms from n on change a result by at most |ρ|ⁿ √(Σ_{m≥n} f_m² Σ_{m≥n} g_m²). A tile takes as
many as bring that below :data:`TOLERANCE` of the largest expectation at its largest |ρ|, or all of
the basis; what is missing then follows from E[f²] − Σ f_m² and from how octaves of terms fall. How
far coefficients are off is measured against a finer rule at variances between the nodes.
:attr:`Series.error` is the sum.

Daniely, Frostig, Singer 2016, "Toward Deeper Understanding of Neural Networks: The Power of
Initialization and a Dual View on Expressivity".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.hermite_basis import BASES, normal_rule
from imprint.lenses.leave_one_out.kernels.piecewise import (
    PiecewiseFunction,
    kink_coefficients,
    kink_expectation,
)
from imprint.lenses.leave_one_out.linalg.threads import blocks

TOLERANCE = 1e-13
"""Share of the largest expectation of a range of variances that terms left out may have."""

TERMS = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
NODES = (16, 24, 32, 48, 96)
# Interpolation that is off by less is not refined: rounding alone is half of it.
CLOSE = 5e-14
# Coefficients up to this share of √E[f²] are rounding.
NOTHING = 1e-15
# Of E[f²] − Σ f_m², relative to E[f²].
ROUNDING = 1e-13
# Ratio of an octave of terms to the one before, at most.
SLOWEST = 0.9
# Pairs that are carried through the series together: two arrays of them fit a cache of 512 KiB.
BLOCK = 1 << 14
# In place of deviation 0, where the sign of a node decides which side of a kink counts.
LEAST_DEVIATION = 1e-200
# Below this share of the largest deviation, a range begins at 0.
NARROWEST = 2.0**-6


@dataclass(frozen=True)
class DeviationRange:
    """Standard deviations √p from ``low``, a power of √2 or 0, to ``high``, a power of √2."""

    low: float
    high: float

    def positions(self, deviations: Tensor) -> Tensor:
        """Return where √p/(1 + √p) lies between that of low, −1, and that of high, 1."""
        low, high = self.low / (1 + self.low), self.high / (1 + self.high)
        return (deviations / (1 + deviations) - low) * (2 / (high - low)) - 1

    def deviations(self, positions: Tensor) -> Tensor:
        """Return the deviations at positions."""
        low, high = self.low / (1 + self.low), self.high / (1 + self.high)
        share = low + (positions + 1) / 2 * (high - low)
        return share / (1 - share)


def range_of(*variances: Tensor) -> DeviationRange:
    """Return a range that holds the deviations of all variances.

    Raises:
        ImprintError: they are not finite.
    """
    high = math.sqrt(max(float(each.max()) for each in variances))
    low = math.sqrt(max(min(float(each.min()) for each in variances), 0.0))
    if not math.isfinite(high):
        raise ImprintError("variances of units are not finite: choose a smaller w_std")
    top = 2.0 ** (math.ceil(2 * math.log2(high)) / 2) if high > 0 else 1.0
    bottom = 2.0 ** (math.floor(2 * math.log2(low)) / 2) if low > top * NARROWEST else 0.0
    return DeviationRange(bottom, top if top > bottom else 2 * top)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """f_n of the smooth part of a function over a range.

    Attributes:
        chebyshev: float64 ``[nodes, size]``, of the interpolant of each f_n/(1 + √p).
        tails: float64 ``[size]``: of the terms from n on, the largest Σ f_m² of the smooth part;
            kept for n in :data:`TERMS` by position n.
        kinked_tails: likewise of the kinks alone.
        square: the largest E[f²].
        error: how far √Σ f_n² of the interpolant is off, as a share of the root of ``square``.
    """

    chebyshev: Tensor
    tails: Tensor
    kinked_tails: Tensor
    square: float
    error: float


@dataclass(frozen=True, eq=False)
class Series:
    """E[f(u) g(v)] over a range of variances.

    Attributes:
        first: f.
        second: g.
        within: the range.
        size: of the basis.
        left_out: by number of terms, what is left out at |ρ| = 1, as a share of the largest
            √(E[f²] E[g²]).
        error: bound of the absolute error as such a share.
    """

    first: PiecewiseFunction
    second: PiecewiseFunction
    within: DeviationRange
    size: int
    left_out: dict[int, float]
    error: float

    def __call__(self, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return the expectation in the shape of ``k``, with p and q in the range."""
        if len(k) == 1 and k.ndim > 1:
            return self(k[0], p[0], q[0])[None]
        one, other = p.sqrt(), q.sqrt()
        inverses = inverse(one), inverse(other)
        slices = blocks(len(k), max(1, BLOCK // max(1, k[0].numel())))
        cosines = [
            (k[rows] * _rows(inverses[0], rows)).mul_(_rows(inverses[1], rows)).clamp_(-1, 1)
            for rows in slices
        ]
        largest = max(float(cosine.abs().max()) for cosine in cosines)
        products = self._products(one, other, self.terms(largest))
        result = torch.empty_like(k)
        for rows, cosine in zip(slices, cosines, strict=True):
            part = _horner(
                cosine,
                [
                    (parity, [(_rows(a, rows, 1), _rows(b, rows, 1)) for a, b in pairs])
                    for parity, pairs in products
                ],
            )
            if self.first.kinks and self.second.kinks:
                part += self._kinks(cosine, *(_rows(each, rows) for each in (k, p, q)))
            result[rows] = part
        return result

    def _kinks(self, cosine: Tensor, k: Tensor, p: Tensor, q: Tensor) -> Tensor:
        """Return what products of two kinks add."""
        one, other, sine = p.sqrt(), q.sqrt(), _sine(k, p, q)
        total = torch.zeros_like(cosine)
        for a, before in self.first.kinks:
            for b, behind in self.second.kinks:
                scale = before * behind * _power(one, a) * _power(other, b)
                total += scale * kink_expectation(a, b, cosine, sine)
        return total

    def terms(self, cosine: float) -> int:
        """Return how many terms pairs with up to this |ρ| take."""
        for count, rest in self.left_out.items():
            if rest * cosine**count <= TOLERANCE:
                return count
        return self.size

    def _products(
        self, one: Tensor, other: Tensor, terms: int
    ) -> list[tuple[int, list[tuple[Tensor, Tensor]]]]:
        """Return coefficients whose products make the series, of odd terms and of even ones.

        Products of two kinks are left out. Each pair is ``[terms/2, ...]`` twice.
        """
        left = self._smooth(self.first, one, terms)
        right = self._smooth(self.second, other, terms)
        products = [(left, right)]
        if self.second.kinks:
            products.append((left, kinked(self.second, other, terms)))
        if self.first.kinks:
            products.append((kinked(self.first, one, terms), right))
        halves = []
        for parity in (1, 0):
            pairs = [(a[parity::2], b[parity::2]) for a, b in products]
            live = [(a, b) for a, b in pairs if bool(a.any()) and bool(b.any())]
            if live:
                halves.append((parity, live))
        return halves

    def _smooth(self, function: PiecewiseFunction, deviations: Tensor, terms: int) -> Tensor:
        """Return f_n without its kinks, ``[terms, ...]``."""
        table = coefficients(function, self.within, self.size).chebyshev[:, :terms]
        positions = self.within.positions(deviations).flatten()
        values = table.to(positions.device).T @ _chebyshev(positions, len(table))
        values *= 1 + deviations.flatten()
        return values.reshape(terms, *deviations.shape)


def _horner(cosine: Tensor, products: list[tuple[int, list[tuple[Tensor, Tensor]]]]) -> Tensor:
    """Return Σ ρⁿ a_n b_n over all pairs of coefficients."""
    square = cosine * cosine
    total = torch.zeros_like(cosine)
    for parity, pairs in products:
        part = torch.zeros_like(cosine)
        for n in range(len(pairs[0][0]) - 1, -1, -1):
            part.mul_(square)
            for before, behind in pairs:
                part.addcmul_(before[n], behind[n])
        total = total.add_(part.mul_(cosine) if parity else part)
    return total


def _rows(values: Tensor, block: slice, axis: int = 0) -> Tensor:
    """Return a block of rows, of values that have one row a pair or one for all."""
    if values.shape[axis] == 1:
        return values
    return values[(slice(None),) * axis + (block,)]


@lru_cache(maxsize=256)
def series(first: PiecewiseFunction, second: PiecewiseFunction, within: DeviationRange) -> Series:
    """Return the series of two functions over a range, in the basis that it takes."""
    for size in BASES:
        one, other = coefficients(first, within, size), coefficients(second, within, size)
        largest = math.sqrt(one.square * other.square) or 1.0
        rest = (one.tails * other.tails).sqrt()
        rest += (one.tails * other.kinked_tails).sqrt() + (one.kinked_tails * other.tails).sqrt()
        left_out = {n: float(rest[n]) / largest for n in TERMS if n <= size}
        if left_out[size] <= TOLERANCE:
            break
    error = max(left_out[size], TOLERANCE) + one.error + other.error
    return Series(first, second, within, size, left_out, error)


@lru_cache(maxsize=256)
def coefficients(function: PiecewiseFunction, within: DeviationRange, size: int) -> Coefficients:
    """Return the coefficients over a range in a basis, by quadrature.

    Raises:
        ImprintError: the function is not finite within the range.
    """
    for count in NODES:
        nodes = _nodes(count)
        deviations = within.deviations(nodes)
        values, squares, rest = _project(function, deviations, size)
        table = _transform(count) @ (values / (1 + deviations[:, None]))
        scale = math.sqrt(float(squares.max())) or 1.0
        between = (nodes[1:] + nodes[:-1])[:: max(1, count // 8)] / 2
        other = within.deviations(between)
        finer, _, _ = _project(function, other, size, split=2)
        off = finer - (_chebyshev(between, count).T @ table) * (1 + other[:, None])
        error = float(torch.linalg.vector_norm(off, dim=1).max()) / scale
        # Odd and even functions: half of the terms are rounding.
        for parity in (0, 1):
            if float(values[:, parity::2].abs().max()) <= NOTHING * scale:
                table[:, parity::2] = 0
        if error <= CLOSE:
            break
    # E[s²] − Σ f_m² is what the basis misses, but for rounding; cross terms need smaller tails.
    missed = rest - values.square().sum(1)
    missed = torch.where(missed > ROUNDING * rest, missed, 0.0)
    return Coefficients(
        table,
        _tails(values, missed),
        _tails(kinked(function, deviations, size).T, torch.zeros_like(missed)),
        float(squares.max()),
        error,
    )


def _tails(values: Tensor, missed: Tensor) -> Tensor:
    """Return the largest Σ_{m≥n} f_m² for n from 0 to the size of the basis, ``[size + 1]``.

    Beyond the basis: what is ``missed``, or more if octaves of terms fall on as the last two do.
    """
    squares, size = values.square(), values.shape[1]
    before, behind = squares[:, size // 4 : size // 2].sum(1), squares[:, size // 2 :].sum(1)
    ratio = torch.where(before > 0, behind / before, 0.0).clamp(max=SLOWEST)
    beyond = torch.maximum(missed, behind * ratio / (1 - ratio))
    sums = squares.flip(1).cumsum(1).flip(1)
    sums = torch.cat([sums, torch.zeros_like(sums[:, :1])], dim=1) + beyond[:, None]
    return sums.max(0).values


def _project(
    function: PiecewiseFunction, deviations: Tensor, size: int, split: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """Return f_n of the smooth part ``[m, size]``, E[f²] and E[s²] of that part, ``[m]``."""
    rule = normal_rule(size, split)
    arguments = deviations.clamp(min=LEAST_DEVIATION)[:, None] * rule.nodes
    rest, values = function.rest(arguments), function.function(arguments)
    if not (rest.isfinite().all() and values.isfinite().all()):
        raise ImprintError(
            f"the activation is not finite for units of standard deviation {deviations.max():.3g}: "
            "choose a smaller w_std or input_scale"
        )
    return rest @ rule.projection, values.square() @ rule.weights, rest.square() @ rule.weights


def mean_products(first: PiecewiseFunction, second: PiecewiseFunction, p: Tensor) -> Tensor:
    """Return E[f(u) g(u)] of units of variances ``p``, in their shape."""
    within = range_of(p)
    deviations = p.sqrt().flatten()
    table = _product_table(first, second, within).to(p.device)
    values = table @ _chebyshev(within.positions(deviations), len(table))
    return (values * (1 + deviations) ** 2).reshape(p.shape)


@lru_cache(maxsize=256)
def _product_table(
    first: PiecewiseFunction, second: PiecewiseFunction, within: DeviationRange
) -> Tensor:
    """Return Chebyshev coefficients of E[f(u) g(u)]/(1 + √p)²."""
    rule, count = normal_rule(BASES[0]), NODES[-1]
    deviations = within.deviations(_nodes(count))
    arguments = deviations.clamp(min=LEAST_DEVIATION)[:, None] * rule.nodes
    products = first.function(arguments) * second.function(arguments)
    return _transform(count) @ (products @ rule.weights / (1 + deviations) ** 2)


def kinked(function: PiecewiseFunction, deviations: Tensor, terms: int) -> Tensor:
    """Return what kinks add to f_n, ``[terms, ...]``."""
    total = deviations.new_zeros(terms, *deviations.shape)
    shape = (-1, *[1] * deviations.ndim)
    for order, factor in function.kinks:
        column = kink_coefficients(order, BASES[-1])[:terms].to(deviations.device).reshape(shape)
        total = total + factor * column * _power(deviations, order)
    return total


def _nodes(count: int) -> Tensor:
    """Return Chebyshev nodes from −1 to 1."""
    return torch.from_numpy(-np.cos(np.pi * (np.arange(count) + 0.5) / count))


@lru_cache(maxsize=8)
def _transform(count: int) -> Tensor:
    """Return the matrix from values at the nodes to coefficients, ``[count, count]``."""
    matrix = _chebyshev(_nodes(count), count) * (2 / count)
    matrix[0] /= 2
    return matrix


def _chebyshev(positions: Tensor, count: int) -> Tensor:
    """Return Chebyshev polynomials at positions ``[m]``, ``[count, m]``."""
    rows = [torch.ones_like(positions), positions]
    for _ in range(count - 2):
        rows.append(2 * positions * rows[-1] - rows[-2])
    return torch.stack(rows[:count])


def _power(deviations: Tensor, order: int) -> Tensor | float:
    """Return √p to a power; 0 for a point mass at p = 0."""
    return inverse(deviations) if order < 0 else 1.0 if order == 0 else deviations**order


def inverse(values: Tensor) -> Tensor:
    """Return 1/values, and 0 where these are 0."""
    return torch.where(values > 0, values, torch.inf).reciprocal()


def _sine(k: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Return √(1 − ρ²) without the rounding of ρ, 1 where p or q is 0."""
    product = p * q
    square = (product - k * k).clamp(min=0)
    return torch.where(product > 0, square / torch.where(product > 0, product, 1.0), 1.0).sqrt()
