import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.theory import (
    crossing_size,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_tpr,
    greatest_auc,
    greatest_tpr,
    kl_curvature,
    kl_probability,
    kl_pure,
    mean_curvature,
    stability,
    total_variation,
    total_variation_from_kl,
)

BUDGET = st.floats(0, 8)
SHARE = st.floats(0, 1)
RATES = np.linspace(0, 1, 4001)


def test_hand_checked_tradeoff():
    # ε = ln 3: the corner is at (1/4, 3/4).
    rates = greatest_tpr([0, 0.1, 0.25, 0.5, 1], math.log(3))
    np.testing.assert_allclose(rates, [0, 0.3, 0.75, 1 - 0.5 / 3, 1], atol=1e-15)
    np.testing.assert_allclose(greatest_tpr([0, 0.1], math.log(3), 0.05), [0.05, 0.35], atol=1e-15)
    assert greatest_tpr([0.0, 0.2], np.inf).tolist() == [0.0, 1.0]
    assert greatest_tpr([0.0, 0.2, 1.0], 0.0).tolist() == pytest.approx([0.0, 0.2, 1.0])


@given(BUDGET, SHARE)
@settings(max_examples=60, deadline=None)
def test_area_and_distance_are_those_of_the_curve(epsilon, delta):
    curve = greatest_tpr(RATES, epsilon, delta)
    assert np.trapezoid(curve, RATES) == pytest.approx(
        float(greatest_auc(epsilon, delta)), abs=1e-3
    )
    corner = (1 - delta) / (1 + math.exp(epsilon))
    gap = float(greatest_tpr(corner, epsilon, delta)) - corner
    assert gap == pytest.approx(float(total_variation(epsilon, delta)), abs=1e-12)
    assert np.max(curve - RATES) <= gap + 1e-12


@given(BUDGET, SHARE, SHARE)
@settings(max_examples=60, deadline=None)
def test_tradeoff_is_its_own_mirror_image(epsilon, delta, rate):
    """Calling members non-members and the reverse is again an attack on the same trainer."""
    tpr = float(greatest_tpr(rate, epsilon, delta))
    if tpr < 1:
        assert float(greatest_tpr(1 - tpr, epsilon, delta)) == pytest.approx(1 - rate, abs=1e-9)


def test_randomised_response_reaches_every_pure_bound():
    for epsilon in (0.1, 1.0, 3.0):
        p = math.exp(epsilon) / (1 + math.exp(epsilon))
        assert float(kl_pure(epsilon)) == pytest.approx((2 * p - 1) * epsilon, rel=1e-12)
        assert float(total_variation(epsilon)) == pytest.approx(2 * p - 1, rel=1e-12)
        assert float(greatest_tpr(1 - p, epsilon)) == pytest.approx(p, rel=1e-12)
        assert kl_pure(epsilon) <= kl_probability(epsilon) == epsilon


def test_divergence_bounds_distance():
    # Two normals one apart: KL = 1/2, total variation 2Φ(1/2) − 1 = 0.3829.
    assert 0.3829 < float(total_variation_from_kl(0.5)) == 0.5
    assert float(total_variation_from_kl(4.0)) == pytest.approx(math.sqrt(1 - math.exp(-4)))
    epsilon = np.linspace(0, 6, 50)
    assert np.all(total_variation(epsilon) <= total_variation_from_kl(kl_pure(epsilon)) + 1e-12)


def test_hand_checked_stability_and_curvature():
    assert float(stability(math.log(2), 3.0)) == 1.5
    assert float(mean_curvature(math.log(2), 9, 2.0, 0.5)) == 10.5
    # [2 · 10 · ½ + 2 + 1]² / (2 · 4) = 13² / 8
    assert float(kl_curvature(math.log(2), 10, 2.0, 2.0, 1.0)) == pytest.approx(169 / 8, rel=1e-14)


@given(st.floats(0.05, 8), st.floats(0.1, 500), st.floats(0.1, 4), st.floats(0, 3))
@settings(max_examples=60, deadline=None)
def test_bounds_cross_at_the_crossing_size(epsilon, sigma, loss_bound, constant):
    size = float(crossing_size(epsilon, sigma, loss_bound, constant))
    at = float(kl_curvature(epsilon, size, sigma, loss_bound, constant))
    if size > 0:
        assert at == pytest.approx(epsilon, rel=1e-9)
    else:
        assert at >= epsilon * (1 - 1e-9)


@pytest.mark.parametrize("mu", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("epsilon", [0.0, 0.5, 3.0])
def test_gaussian_delta_is_the_integral_it_stands_for(mu, epsilon):
    def excess(x):
        return max(0.0, norm.pdf(x - mu) - math.exp(epsilon) * norm.pdf(x))

    edge = epsilon / mu + mu / 2
    expected, _ = quad(excess, edge, edge + 12, epsabs=1e-14)
    assert float(gaussian_delta(epsilon, mu)) == pytest.approx(expected, abs=1e-12)


@given(st.floats(0.05, 6), st.floats(1e-12, 0.5))
@settings(max_examples=60, deadline=None)
def test_gaussian_epsilon_inverts_delta(mu, delta):
    epsilon = float(gaussian_epsilon(delta, mu))
    if epsilon > 0:
        assert float(gaussian_delta(epsilon, mu)) == pytest.approx(delta, rel=1e-6)
    else:
        assert float(gaussian_delta(0.0, mu)) <= delta


def test_gaussian_corner_cases():
    assert gaussian_epsilon([0.0, 1e-5, 1.0], [1.0, 0.0, 2.0]).tolist() == [np.inf, 0.0, 0.0]
    assert float(gaussian_epsilon(0.0, 0.0)) == 0.0
    assert float(gaussian_delta(0.0, 1.0)) == pytest.approx(2 * norm.cdf(0.5) - 1, rel=1e-14)
    # Far out the plain difference of two normal tails has no digit left.
    assert float(gaussian_delta(40.0, 1.0)) == pytest.approx(float(norm.sf(39.5)) / 40.5, rel=0.05)


def test_gaussian_curve_lies_below_every_pair_it_implies():
    tpr = gaussian_tpr(RATES, 1.3)
    for epsilon in (0.0, 0.5, 2.0, 5.0):
        assert np.all(tpr <= greatest_tpr(RATES, epsilon, gaussian_delta(epsilon, 1.3)) + 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: greatest_tpr(1.5, 1), r"fpr must lie in \[0, 1\]"),
        (lambda: greatest_auc(-1), "epsilon must not be negative or NaN, got -1"),
        (lambda: stability(np.nan), "epsilon must not be negative or NaN"),
        (lambda: kl_curvature(1, 10, 0.0), "deviation must be positive"),
        (lambda: crossing_size(0.0, 1.0), "never cross"),
        (lambda: gaussian_epsilon(-0.1, 1), r"delta must lie in \[0, 1\]"),
    ],
)
def test_values_out_of_range_are_named(call, message):
    with pytest.raises(ImprintError, match=message):
        call()
