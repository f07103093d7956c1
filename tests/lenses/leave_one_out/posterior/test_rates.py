import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.area import area_above
from imprint.lenses.leave_one_out.posterior.rates import tpr_of_direction


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def rate(spread, surprise, outputs, fpr):
    return tpr_of_direction(tensor([spread]), tensor([surprise]), outputs, fpr)


def mixture(value, noncentrality, freedom):
    """The distribution function as a Poisson mixture of central ones."""
    x, centre = mpmath.mpf(value), mpmath.mpf(noncentrality) / 2
    first = int(max(0, centre - 15 * mpmath.sqrt(centre) - 40))
    last = int(centre + 15 * mpmath.sqrt(centre) + 60)
    return mpmath.fsum(
        mpmath.exp(-centre + (j * mpmath.log(centre) if j else 0) - mpmath.loggamma(j + 1))
        * mpmath.gammainc(mpmath.mpf(freedom) / 2 + j, 0, x / 2, regularized=True)
        for j in range(first, last)
    )


@pytest.mark.parametrize("threshold", [1e-9, 1e-3, 0.3, 3.0, 30.0])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_rates_against_the_poisson_mixture(outputs, threshold):
    """Both rates of one threshold, from the laws; false positives from 1e-14 to 1 - 1e-4."""
    spread, surprise = 2.0, 3.0
    with mpmath.workdps(30):
        fpr = float(mixture(threshold, surprise * (1 + spread) / spread, outputs))
        expected = float(mixture((1 + spread) * threshold, surprise / spread, outputs))
    assert float(rate(spread, surprise, outputs, fpr)) == pytest.approx(expected, rel=1e-10)


@given(st.floats(-8, 5), st.floats(-3, 3), st.sampled_from([1, 2, 10]), st.floats(1e-6, 1))
@settings(max_examples=60, deadline=None)
def test_rates_are_those_of_a_best_test(log_spread, log_surprise, outputs, fpr):
    spread, surprise = 10**log_spread, 10**log_surprise
    tpr = float(rate(spread, surprise, outputs, fpr))
    assert fpr <= tpr <= 1
    assert float(rate(spread, surprise, outputs, fpr / 2)) <= tpr
    # A best curve is concave through the origin.
    assert float(rate(spread, surprise, outputs, fpr / 2)) >= tpr / 2 - 1e-12


@pytest.mark.parametrize(
    ("spread", "surprise", "outputs"), [(0.5, 1.0, 1), (3.0, 0.5, 2), (1, 1, 5)]
)
def test_area_under_the_rates_is_the_area(spread, surprise, outputs):
    nodes, weights = np.polynomial.legendre.leggauss(60)
    # FPR = u⁴ spreads the steep beginning of the curve.
    shares = (nodes + 1) / 2
    rates = np.array([float(rate(spread, surprise, outputs, float(u**4))) for u in shares])
    under = np.sum(weights / 2 * 4 * shares**3 * rates)
    above = float(area_above(tensor([spread]), tensor([surprise]), outputs))
    assert under == pytest.approx(1 - above, abs=1e-7)


@pytest.mark.parametrize("surprise", [1e12, 1e60])
def test_limit_of_equal_variances(surprise):
    """Φ(Φ⁻¹(FPR) + √(z a)) for small z, where λ = a/z is 10²⁴ and 10¹²⁰."""
    for shift in (0.1, 1.0, 3.0):
        found = float(rate(shift**2 / surprise, surprise, 2, 1e-3))
        assert found == pytest.approx(ndtr(ndtri(1e-3) + shift), rel=1e-9)


@pytest.mark.parametrize("outputs", [1, 2])
def test_against_sampling(outputs):
    """TPR at 1 % of 200,000 draws each: within 4.5 standard errors, wrong once in 1e5."""
    rng = np.random.default_rng(1)
    spread, surprise, count, fpr = 1.5, 2.0, 200_000, 0.01
    shift = math.sqrt(spread * surprise / outputs)
    inside = rng.normal(size=(count, outputs))
    outside = shift + math.sqrt(1 + spread) * rng.normal(size=(count, outputs))

    def ratio(x):
        return (-0.5 * x**2 + 0.5 * (x - shift) ** 2 / (1 + spread)).sum(1)

    threshold = np.quantile(ratio(outside), 1 - fpr)
    sampled = (ratio(inside) > threshold).mean()
    slope = (float(rate(spread, surprise, outputs, 0.011)) - sampled) / 0.001
    error = math.sqrt(sampled * (1 - sampled) / count + slope**2 * fpr * (1 - fpr) / count)
    assert abs(float(rate(spread, surprise, outputs, fpr)) - sampled) < 4.5 * error


def test_ends_and_shapes():
    spread, surprise = tensor([[[0.0], [1.0]], [[2.0], [1e-320]]]), tensor([[[1.0]], [[2.0]]])
    for fpr in (0.0, 1.0):
        assert (tpr_of_direction(spread, surprise, 2, fpr) == fpr).all()
    found = tpr_of_direction(spread, surprise, 2, 0.05)
    assert found.shape == (2, 2)
    assert found[0, 0] == found[1, 1] == 0.05
    assert found[0, 1] == rate(1.0, 1.0, 2, 0.05)
    assert rate(1e12, 1e3, 2, 1e-3) == 1


def test_what_has_no_rate():
    with pytest.raises(ImprintError, match=r"FPR must be in \[0, 1\], got 1\.5"):
        rate(1.0, 1.0, 2, 1.5)
    with pytest.raises(ImprintError, match="differ in 2 directions"):
        tpr_of_direction(tensor([1.0, 2.0]), tensor([1.0, 2.0]), 2, 0.1)
