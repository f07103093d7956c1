import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from imprint.lenses.membership.privacy.one_run_bound import (
    best_one_run,
    one_run_epsilon,
    one_run_p_value,
    worst_excess,
)


def slow_p_value(canaries, guesses, correct, epsilon, delta):
    """The two sums, term by term."""
    share = 1 / (1 + math.exp(-epsilon))
    mass = [binom.pmf(count, guesses, share) for count in range(guesses + 1)]
    excess = [sum(mass[correct - i : correct]) / i for i in range(1, correct + 1)]
    bound = sum(mass[correct:]) + 2 * canaries * delta * max(excess, default=0.0)
    return min(1.0, bound)


@st.composite
def counts(draw, greatest=60):
    canaries = draw(st.integers(1, greatest))
    guesses = draw(st.integers(1, canaries))
    return canaries, guesses, draw(st.integers(0, guesses))


@given(counts(), st.floats(0, 6), st.sampled_from([0.0, 1e-9, 1e-4, 0.02]))
@settings(max_examples=80, deadline=None)
def test_p_value_equals_its_sums(played, epsilon, delta):
    found = float(one_run_p_value(*played, epsilon, delta))
    assert found == pytest.approx(slow_p_value(*played, epsilon, delta), rel=1e-9, abs=1e-300)


@given(counts(), st.sampled_from([0.0, 1e-5, 1e-3, 0.01]), st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=60, deadline=None)
def test_bound_is_where_the_p_value_reaches_the_error(played, delta, confidence):
    bound = float(one_run_epsilon(*played, delta, confidence))
    if bound == 0:
        assert float(one_run_p_value(*played, 0.0, delta)) >= (1 - confidence) * (1 - 1e-9)
    else:
        at = float(one_run_p_value(*played, bound, delta))
        assert at == pytest.approx(1 - confidence, rel=1e-6)
        below = one_run_p_value(*played, np.linspace(0, bound * 0.999, 20), delta)
        assert np.all(below < 1 - confidence)


def test_hand_checked_one_run():
    # All right: q^r = β, so ε = logit(β^(1/r)).
    share = 0.05 ** (1 / 1000)
    assert float(one_run_epsilon(1000, 1000, 1000)) == pytest.approx(
        math.log(share / (1 - share)), rel=1e-12
    )
    assert round(float(one_run_epsilon(1000, 1000, 1000)), 2) == 5.81
    # One guess, right: q = 0.05 < ½. Five right of five: q = 0.05^(1/5) = 0.5493.
    assert float(one_run_epsilon(5, 1, 1)) == 0
    assert float(one_run_epsilon(5, 5, 5)) == pytest.approx(0.1978, abs=1e-4)
    assert float(one_run_p_value(3, 2, 1, 0.0)) == 0.75
    # δ = 0.01, all of two right: ¼ + 2 · 2 · 0.01 · max(½, (½ + ¼) / 2).
    assert float(one_run_p_value(2, 2, 2, 0.0, 0.01)) == pytest.approx(0.27, abs=1e-15)


def test_more_right_guesses_prove_more_and_delta_less():
    right = np.arange(0, 201)
    plain, loose = (one_run_epsilon(300, 200, right, delta) for delta in (0.0, 1e-4))
    assert np.all(np.diff(plain) >= 0)
    assert np.all(np.diff(loose) >= -1e-12)
    assert np.all(loose <= plain)
    assert loose[-1] < plain[-1]


def test_numbers_of_the_specification():
    # r = v = 4 of m = 10 at ε = 0: 2⁻⁴, and 20 δ · max(4/16, 10/32, 14/48) where i = 2.
    assert float(one_run_p_value(10, 4, 4, 0.0)) == 0.0625
    assert float(one_run_p_value(10, 4, 4, 0.0, 0.001)) == pytest.approx(0.06875, abs=1e-15)
    bounds = [float(one_run_epsilon(1000, 100, 90, delta)) for delta in (0.0, 1e-5, 1e-4)]
    assert [round(bound, 4) for bound in bounds] == [1.6308, 1.6261, 1.5806]


@given(counts(600), st.floats(0, 12))
@settings(max_examples=80, deadline=None)
def test_early_stop_finds_the_maximum_over_all_terms(played, epsilon):
    _, guesses, correct = played
    mass = binom.pmf(np.arange(correct - 1, -1, -1), guesses, 1 / (1 + math.exp(-epsilon)))
    every = np.cumsum(mass) / np.arange(1, correct + 1)
    found = worst_excess(np.array([guesses]), np.array([correct]), np.array([epsilon]))[0]
    assert found == pytest.approx(every.max(initial=0.0), rel=1e-9, abs=1e-290)


def test_early_stop_passes_terms_that_underflow_before_the_mode():
    """P[B = 8999] is 0 in floating point where B has mean 5,000; the mean over 4,100 terms is not.

    The running mean still rises where half of the mass is passed, so it is 1/i for i near 4,100.
    """
    found = worst_excess(np.array([10_000]), np.array([9000]), np.array([0.0]))[0]
    assert binom.pmf(8999, 10_000, 0.5) == 0
    sums = binom.cdf(8999, 10_000, 0.5) - binom.cdf(8999 - np.arange(1, 9001), 10_000, 0.5)
    assert found == pytest.approx((sums / np.arange(1, 9001)).max(), rel=1e-9)


def test_elements_of_a_call_stop_on_their_own():
    guesses, correct = np.array([10, 1000, 50_000, 7]), np.array([9, 600, 49_000, 0])
    epsilon = np.array([0.1, 0.0, 2.0, 1.0])
    together = worst_excess(guesses, correct, epsilon)
    single = [worst_excess(guesses[[row]], correct[[row]], epsilon[[row]])[0] for row in range(4)]
    np.testing.assert_allclose(together, single, rtol=1e-12)
    assert together[3] == 0


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-6, 1e-4, 1e-2]))
@settings(max_examples=40, deadline=None)
def test_search_of_the_best_is_that_of_every_bound(seed, delta):
    draw = np.random.default_rng(seed)
    guesses = draw.integers(1, 300, 12)
    correct = draw.integers((guesses + 1) // 2, guesses + 1)
    every = one_run_epsilon(300, guesses, correct, delta)
    best, bound = best_one_run(300, guesses, correct, delta, 0.95)
    assert bound == pytest.approx(every.max(), abs=1e-9)
    assert every[best] == pytest.approx(every.max(), abs=1e-9)


def test_delta_alone_may_be_more_than_the_error():
    """2mδ / 116 > 5e-5 at ε = 0 already, so that nothing is proven; without δ ε is 1.4498."""
    confidence = 1 - 0.05 / 1000
    assert float(one_run_p_value(1000, 232, 210, 0.0, 1e-5)) > 5e-5
    assert float(one_run_epsilon(1000, 232, 210, 1e-5, confidence)) == 0
    assert round(float(one_run_epsilon(1000, 232, 210, 0.0, confidence)), 4) == 1.4498


def test_the_first_of_equals_is_the_best():
    assert best_one_run(10, np.array([4, 4]), np.array([1, 1]), 1e-5, 0.95) == (0, 0.0)
    right = np.array([100, 100])
    assert best_one_run(200, np.array([100, 100]), right, 1e-5, 0.95)[0] == 0
