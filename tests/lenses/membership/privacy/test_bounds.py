import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import ndtr, ndtri
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.bounds import (
    multi_run_epsilon,
    multi_run_mu,
    multi_run_rates,
    one_run_mu,
    one_run_tradeoff_epsilon,
    refutes,
)
from imprint.lenses.membership.privacy.one_run_bound import one_run_epsilon, one_run_p_value
from imprint.stats.proportion import clopper_pearson

# A statistic that is right in at least 95 % of repeats fails this many of n with chance < 1e-6.
FAR = 1e-6


def test_hand_checked_many_runs():
    # All right in 10 and 10 runs: TPR ≥ 0.025^(1/10) = 0.6915, FPR ≤ 0.3085.
    tpr, fpr = multi_run_rates(10, 10, 0, 10)
    assert float(tpr) == pytest.approx(0.6915, abs=1e-4)
    assert float(fpr) == pytest.approx(0.3085, abs=1e-4)
    assert float(multi_run_epsilon(10, 10, 0, 10)) == pytest.approx(math.log(tpr / fpr), rel=1e-12)
    assert float(multi_run_epsilon(10, 10, 0, 10, 0.1)) == pytest.approx(
        math.log((tpr - 0.1) / fpr), rel=1e-12
    )
    assert float(multi_run_mu(10, 10, 0, 10)) == pytest.approx(2 * ndtri(0.6915), abs=1e-3)
    assert float(multi_run_epsilon(5, 10, 5, 10)) == 0 == float(multi_run_mu(5, 10, 5, 10))


@given(st.integers(1, 50), st.integers(1, 50), st.data())
@settings(max_examples=50, deadline=None)
def test_rates_are_two_one_sided_exact_intervals(runs_in, runs_out, data):
    hit, miss = data.draw(st.integers(0, runs_in)), data.draw(st.integers(0, runs_out))
    tpr, fpr = multi_run_rates(hit, runs_in, miss, runs_out, 0.9)
    assert float(tpr) == pytest.approx(clopper_pearson(hit, runs_in, 0.9)[0], abs=1e-12)
    assert float(fpr) == pytest.approx(clopper_pearson(miss, runs_out, 0.9)[1], abs=1e-12)
    # Calling members non-members and the reverse is the same evidence.
    mirrored = multi_run_epsilon(runs_out - miss, runs_out, runs_in - hit, runs_in, 0.01, 0.9)
    assert float(multi_run_epsilon(hit, runs_in, miss, runs_out, 0.01, 0.9)) == pytest.approx(
        float(mirrored), abs=1e-9
    )


def test_numbers_of_the_specification():
    # 80 of 100 runs with the record are called, none of 100 without; over 201 thresholds.
    assert round(float(multi_run_epsilon(80, 100, 0, 100)), 4) == 2.9731
    shared = 1 - 0.05 / 201
    assert round(float(multi_run_epsilon(80, 100, 0, 100, confidence=shared)), 4) == 1.9832


def greatest_chance(lines, canaries, guesses, correct):
    """The greatest P[correct or more right] that r_c ≤ g(h_{c−1}) allows, by linear programming.

    ``lines`` are (intercept, slope) of straight lines whose minimum is g.
    """
    count = np.arange(guesses + 1)
    rows, limits = [], []
    for least in range(1, guesses + 1):
        right = np.where(count >= least, count, 0) / canaries
        wrong = np.where(count >= least - 1, guesses - count, 0) / canaries
        for intercept, slope in lines:
            rows.append(right - slope * wrong)
            limits.append(intercept)
    found = linprog(
        -(count >= correct).astype(float),
        A_ub=np.array(rows),
        b_ub=limits,
        A_eq=np.ones((1, guesses + 1)),
        b_eq=[1.0],
        method="highs",
    )
    assert found.success
    return -found.fun


def pure_inverse(epsilon, delta):
    def inverse(shares, _):
        near = math.exp(-epsilon) * (shares - delta)
        return np.maximum(0, np.maximum(near, 1 - delta - math.exp(epsilon) * (1 - shares)))

    return inverse


@pytest.mark.parametrize("played", [(8, 8, 6), (12, 5, 5), (9, 7, 4), (15, 12, 11)])
@pytest.mark.parametrize(("epsilon", "delta"), [(0.4, 0.0), (1.5, 0.02), (0.0, 0.05)])
def test_recursion_finds_the_optimum_of_the_linear_programme(played, epsilon, delta):
    lines = [(1.0, 0.0), (delta, math.exp(epsilon))]
    lines.append((1 - math.exp(-epsilon) * (1 - delta), math.exp(-epsilon)))
    chance = greatest_chance(lines, *played)
    inverse, one = pure_inverse(epsilon, delta), np.zeros(1)
    assert refutes(inverse, one, *played, 1 - min(1.0, chance * 1.0001))[0] == (chance < 1 - 1e-9)
    assert not refutes(inverse, one, *played, 1 - chance * 0.9999)[0]


@pytest.mark.parametrize("played", [(8, 8, 7), (12, 5, 5)])
def test_gaussian_recursion_finds_the_optimum_within_its_tangents(played):
    mu = 0.8
    at = ndtr(np.linspace(-7, 7, 400))
    height = ndtr(ndtri(at) + mu)
    slope = np.exp(-mu * ndtri(at) - mu * mu / 2)
    chance = greatest_chance(np.stack([height - slope * at, slope], axis=1), *played)
    level = 1 - np.array([chance * 0.99, chance * 1.001])

    def inverse(shares, parameters):
        return ndtr(ndtri(shares) - parameters)

    found = [bool(refutes(inverse, np.array([mu]), *played, one)[0]) for one in level]
    assert found == [False, True]


def test_tradeoff_bound_against_the_binomial_one():
    plain = float(one_run_epsilon(1000, 1000, 700))
    assert 0.98 * plain < one_run_tradeoff_epsilon(1000, 1000, 700) < plain
    loose = float(one_run_epsilon(1000, 1000, 700, 1e-3))
    assert loose < 0.96 * plain
    assert one_run_tradeoff_epsilon(1000, 1000, 700, 1e-3) > 0.98 * plain
    assert one_run_tradeoff_epsilon(50, 50, 50) == pytest.approx(
        float(one_run_epsilon(50, 50, 50)), rel=1e-6
    )
    assert one_run_tradeoff_epsilon(50, 50, 25) == 0


def failures_allowed(repeats, error=0.05):
    """Return the count above which a method of this error shows itself wrong."""
    return int(binom.isf(FAR, repeats, error))


def test_one_run_bounds_hold_on_noise():
    draw = np.random.default_rng(0)
    right = draw.binomial(200, 0.5, size=2000)
    allowed = failures_allowed(2000)
    assert np.count_nonzero(one_run_epsilon(400, 200, right) > 0) <= allowed
    distinct, repeats = np.unique(right, return_counts=True)
    for bound in (one_run_mu, one_run_tradeoff_epsilon):
        positive = np.array([bound(400, 200, int(count)) > 0 for count in distinct])
        assert repeats[positive].sum() <= allowed


def test_many_run_bounds_hold_on_noise():
    draw = np.random.default_rng(1)
    hit, miss = draw.binomial(300, 0.2, size=(2, 2000))
    assert np.count_nonzero(multi_run_epsilon(hit, 300, miss, 300) > 0) <= failures_allowed(2000)
    assert np.count_nonzero(multi_run_mu(hit, 300, miss, 300) > 0) <= failures_allowed(2000)


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 4.0])
def test_randomised_response_is_bounded_from_below_and_closely(epsilon):
    """Each canary's coin is told truly with chance e^ε / (1 + e^ε): exactly ε-private."""
    draw = np.random.default_rng(2)
    share = 1 / (1 + math.exp(-epsilon))
    right = draw.binomial(20_000, share, size=2000)
    bound = one_run_epsilon(20_000, 20_000, right)
    above = np.count_nonzero(bound > epsilon)
    # The exact bound of a binomial errs in nearly 5 % of repeats here, not far below.
    assert binom.ppf(FAR, 2000, 0.045) <= above <= failures_allowed(2000)
    assert np.median(bound) > 0.93 * epsilon
    hit, miss = draw.binomial(10_000, share, 2000), draw.binomial(10_000, 1 - share, 2000)
    many = multi_run_epsilon(hit, 10_000, miss, 10_000)
    assert np.count_nonzero(many > epsilon) <= failures_allowed(2000)
    assert np.median(many) > 0.9 * epsilon


def test_a_gaussian_release_is_bounded_from_below_and_closely_by_many_runs():
    draw = np.random.default_rng(3)
    hit, miss = draw.binomial(20_000, ndtr(0.5), 500), draw.binomial(20_000, ndtr(-0.5), 500)
    bound = multi_run_mu(hit, 20_000, miss, 20_000)
    assert np.count_nonzero(bound > 1.0) <= failures_allowed(500)
    assert np.median(bound) > 0.95


def test_a_gaussian_release_is_bounded_from_below_by_one_run():
    draw = np.random.default_rng(4)
    coins = draw.random((40, 2000)) < 0.5
    scores = np.where(coins, 1.0, 0.0) + draw.standard_normal(coins.shape)
    # The 20 highest are guessed in, the 20 lowest out.
    order = np.argsort(scores, axis=1)
    right = np.take_along_axis(coins, order[:, -20:], 1).sum(1)
    right += (~np.take_along_axis(coins, order[:, :20], 1)).sum(1)
    bound = np.array([one_run_mu(2000, 40, int(count)) for count in right])
    assert np.count_nonzero(bound > 1.0) <= failures_allowed(40)
    assert np.median(bound) > 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one_run_epsilon(10, 11, 5), "guesses 11 of 10 canaries"),
        (lambda: one_run_epsilon(10, 5, 6), "right guesses 6 of 5 guesses"),
        (lambda: one_run_epsilon(10, 5.0, 5), "give integers"),
        (lambda: one_run_epsilon(10, 5, 5, 1.0), r"delta must lie in \[0, 1\)"),
        (lambda: one_run_epsilon(10, 5, 5, 0.0, 1.0), r"confidence 1 must lie in \(0, 1\)"),
        (lambda: one_run_p_value(10, 5, 5, -1.0), "epsilon must not be negative or NaN"),
        (lambda: one_run_mu(10, 0, 0), "guesses 0|right guesses 0 of 0"),
        (lambda: multi_run_epsilon(3, 2, 0, 2), "true positives 3 of 2 runs with the record"),
        (lambda: multi_run_mu(1, 2, -1, 2), "false positives -1 of 2 runs without the record"),
    ],
)
def test_impossible_counts_are_named(call, message):
    with pytest.raises(ImprintError, match=message):
        call()
