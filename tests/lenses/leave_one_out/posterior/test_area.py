import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import mannwhitneyu

from imprint.lenses.leave_one_out.posterior.area import area_above


def area(spread, surprise, outputs):
    tensors = (torch.from_numpy(np.asarray(values, float)) for values in (spread, surprise))
    return area_above(*tensors, outputs)


def exact(spread, surprise, outputs):
    """P(U > (1 + z) V) from the definition: V's density times U's upper tail, Poisson mixtures."""
    z, a, c = mpmath.mpf(spread), mpmath.mpf(surprise), mpmath.mpf(outputs)
    inner, outer = a / z / 2, a * (1 + z) / z / 2

    def mixed(centre, term):
        first = int(max(0, centre - 12 * mpmath.sqrt(centre) - 40))
        last = int(centre + 12 * mpmath.sqrt(centre) + 60)
        weights = (
            mpmath.exp(-centre + (j * mpmath.log(centre) if j else 0) - mpmath.loggamma(j + 1))
            for j in range(first, last)
        )
        return mpmath.fsum(w * term(j) for j, w in enumerate(weights, first))

    # U/(U + V) of two central laws is a beta variable; U > (1 + z) V where it is above this cut.
    cut = 1 / (2 + z)

    def pair(i, j):
        return mpmath.betainc(c / 2 + j, c / 2 + i, 0, cut, regularized=True)

    return mixed(inner, lambda i: mixed(outer, lambda j: pair(i, j)))


@pytest.mark.parametrize(
    ("spread", "surprise", "outputs"),
    [(0.5, 1.0, 1), (0.5, 1.0, 2), (3.0, 0.7, 1), (3.0, 0.7, 3), (40.0, 5.0, 2), (1.0, 2.0, 10)],
)
def test_against_the_mixture_of_beta_laws(spread, surprise, outputs):
    with mpmath.workdps(25):
        expected = exact(spread, surprise, outputs)
        found = float(area([spread], [surprise], outputs))
        assert abs(found - float(expected)) < 1e-14
        assert found == pytest.approx(float(expected), rel=1e-11)


@given(st.floats(-9, 7), st.floats(-5, 4), st.sampled_from([1, 2, 7, 100]))
@settings(max_examples=25, deadline=None)
def test_against_another_quadrature(log_spread, log_surprise, outputs):
    """The same integral over the angle, by adaptive double-exponential rules in 30 digits."""
    with mpmath.workdps(30):
        z, a = mpmath.mpf(10) ** log_spread, mpmath.mpf(10) ** log_surprise
        kappa, b = z * z / (1 + z), z * a * (1 + z / 2) / (1 + z)
        width = mpmath.sqrt(kappa + b)

        def integrand(beside):
            square = mpmath.sin(beside) ** 2
            damped = (square / (square + kappa / 4)) ** (mpmath.mpf(outputs) / 2)
            return damped * mpmath.exp(-b / (4 * square + kappa))

        cuts = sorted({min(mpmath.pi / 2, width * f) for f in (0.03, 0.1, 0.3, 1, 3, 10, 100)})
        expected = mpmath.quad(integrand, [0, *cuts, mpmath.pi / 2]) / mpmath.pi
    found = float(area([float(z)], [float(a)], outputs))
    assert abs(found - float(expected)) < 1e-13


@pytest.mark.parametrize("outputs", [1, 3])
def test_against_sampling_of_several_directions(outputs):
    """AUC of 40,000 against 40,000 log-ratios: within 4.5 standard errors, wrong once in 1e5."""
    rng = np.random.default_rng(3)
    spread, surprise = np.array([0.8, 0.1, 2.5]), np.array([1.0, 4.0, 0.3])
    shift = np.sqrt(spread * surprise / outputs)[:, None]
    noise = rng.normal(size=(2, 40_000, 3, outputs))
    out = shift + np.sqrt(1 + spread)[:, None] * noise[0]

    def ratio(x):
        log_in, log_out = -0.5 * x**2, -0.5 * (x - shift) ** 2 / (1 + spread[:, None])
        return (log_in - log_out).sum((1, 2))

    inside = ratio(noise[1])
    sampled = mannwhitneyu(inside, ratio(out)).statistic / len(inside) ** 2
    # Hanley and McNeil's largest variance of an area, A(1 − A)/n.
    error = math.sqrt(sampled * (1 - sampled) / len(inside))
    assert abs(1 - float(area([spread], [surprise], outputs)) - sampled) < 4.5 * error


def test_limit_of_equal_variances():
    """For small z the laws differ by their means alone: AUC = Φ(√(z a / 2))."""
    surprise = np.array([1e-2, 1.0, 4.0]) / 1e-9
    found = area(np.full((3, 1), 1e-9), surprise[:, None], 2)
    np.testing.assert_allclose(found, ndtr(-np.sqrt(1e-9 * surprise / 2)), rtol=1e-7)


def test_extremes():
    assert float(area([0.0], [5.0], 2)) == pytest.approx(0.5, abs=1e-15)
    assert float(area([1e-300], [0.0], 2)) == pytest.approx(0.5, abs=1e-15)
    assert 0 < float(area([1e200], [1.0], 2)) < 1e-199
    tiny = float(area([5.0], [300.0], 2))
    assert 0 < tiny < 1e-40


def test_shapes_and_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    spread, surprise = rng.exponential(size=(5, 3, 2)), rng.exponential(size=(5, 1, 1))
    whole = area(spread, surprise, 2)
    assert whole.shape == (5, 3)
    monkeypatch.setattr("imprint.lenses.leave_one_out.posterior.area._BLOCK", 4)
    torch.testing.assert_close(area(spread, surprise, 2), whole, rtol=1e-14, atol=0)
