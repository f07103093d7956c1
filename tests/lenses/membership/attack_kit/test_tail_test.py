from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.tail_test import tail_test

MEMBERS, HELD_OUT = [0.1, 0.2, 0.3, 0.4], [0.05, 0.35, 0.5, 0.9]


@pytest.mark.parametrize(
    ("beta", "threshold", "share", "p_value"),
    [(0, 0.4, 0.5, 6 / 28), (0.001, 0.4, 0.5, 6 / 28), (0.25, 0.3, 0.75, 17 / 70)],
)
def test_held_out_losses_above_the_tail_by_hand(beta, threshold, share, p_value):
    test = tail_test(MEMBERS, HELD_OUT, beta)
    assert (test.threshold, test.share) == (threshold, share)
    assert test.p_value == pytest.approx(p_value)


def test_losses_that_equal_the_largest_of_members_do_not_count():
    test = tail_test([1.0, 2.0], [2.0, 2.0, 3.0], beta=0)
    assert test.above == 1
    assert tail_test([1.0, 1.0], [1.0, 1.0], beta=0).p_value == 1


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 5), m=st.integers(1, 5), allowed=st.integers(0, 2))
def test_the_probability_is_that_of_all_orders(n, m, allowed):
    allowed = min(allowed, n - 1)
    beta = (allowed + 0.5) / n if allowed + 0.5 < n else allowed / n
    shares = []
    for rows in combinations(range(n + m), n):
        inside = np.isin(np.arange(n + m), rows)
        values = np.arange(n + m, dtype=float)
        shares.append(tail_test(values[inside], values[~inside], beta))
    counts = np.array([test.above for test in shares])
    assert counts.mean() / m == pytest.approx(shares[0].expected)
    for test in shares:
        assert test.p_value == pytest.approx(np.mean(counts >= test.above))
        if allowed == 0:
            assert test.p_value == pytest.approx(comb(m, test.above) / comb(n + m, test.above))


def test_without_memorization_one_p_value_in_twenty_is_below_a_twentieth():
    # 1,000 draws: 5 % ± 4 standard errors of .7 %; discrete, so it may lie below.
    random = np.random.default_rng(0)
    values = random.normal(size=(1000, 90))
    small = [tail_test(row[:40], row[40:], 0.05).p_value <= 0.05 for row in values]
    assert 0.005 < np.mean(small) < 0.078


def test_all_members_but_one_may_lie_above():
    assert tail_test(MEMBERS, HELD_OUT, 0.999).threshold == 0.1


def test_rounding_of_a_product_does_not_lose_a_member():
    losses = np.arange(100.0)
    for allowed in range(100):
        assert tail_test(losses, [0.5], allowed / 100).threshold == 99 - allowed


def test_the_sentence_names_what_may_lie_above():
    assert "above that of all but 1 of the members" in tail_test(MEMBERS, HELD_OUT, 0.25).describe()
    assert "(p < 0.0001)" in tail_test(np.zeros(100), np.ones(100)).describe()


@pytest.mark.parametrize(
    ("members", "held_out", "beta", "message"),
    [
        ([], [1.0], 0, "losses of members must hold at least 1 values"),
        ([1.0], [np.nan], 0, "losses of non-members is nan in row 0"),
        ([1.0], [1.0], 1, r"beta must be in \[0, 1\), got 1"),
        ([1.0], [1.0], np.nan, "beta must be in"),
    ],
)
def test_impossible_arguments_are_errors(members, held_out, beta, message):
    with pytest.raises(ImprintError, match=message):
        tail_test(members, held_out, beta)
