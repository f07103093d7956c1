import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from imprint.stats.paired_difference import (
    chance_of_exclusion,
    mcnemar_p_values,
    paired_difference_intervals,
    widen_rare_pairs,
)
from imprint.stats.proportion import mcnemar

COUNTS = st.integers(0, 40)


def limits(first, second, count, confidence=0.95):
    counts = (np.array([each]) for each in (first, second, count))
    return [float(end[0]) for end in paired_difference_intervals(*counts, confidence)]


@given(COUNTS, COUNTS, COUNTS)
def test_limits_hold_the_difference_and_turn_with_the_methods(first, second, neither):
    count = first + second + neither
    low, high = limits(first, second, count)
    if count == 0:
        assert np.isnan(low)
        return
    assert -1 <= low <= (first - second) / count <= high <= 1
    assert limits(second, first, count) == pytest.approx((-high, -low))


def test_a_higher_confidence_is_wider():
    assert limits(6, 1, 30, 0.999)[0] < limits(6, 1, 30)[0] < limits(6, 1, 30, 0.5)[0]


@pytest.mark.parametrize("count", [10, 26, 100])
@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.1, 0.1), (0.4, 0.05), (0.7, 0.1)])
def test_the_interval_covers(count, shares):
    random, trials = np.random.default_rng([count, int(10 * shares[0])]), 2000
    drawn = random.multinomial(count, [*shares, 1 - sum(shares)], size=trials)
    low, high = paired_difference_intervals(drawn[:, 0], drawn[:, 1], np.full(trials, count))
    hits = int(((low <= shares[0] - shares[1]) & (shares[0] - shares[1] <= high)).sum())
    # 93.5 % or more in truth; below this bound once in 1,000.
    assert hits >= binom.ppf(1e-3, trials, 0.935)


def test_p_values_are_those_of_mcnemars_test():
    first, second = np.array([0, 5, 3, 9]), np.array([0, 0, 4, 1])
    expected = [mcnemar(*pair) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    assert mcnemar_p_values(first, second) == pytest.approx(expected)


def test_the_chance_of_exclusion_is_that_of_coins():
    """Of 20 examples 6 favour either method: the interval lies above 0 from 6 to 0 on, 1 in 64."""
    assert limits(6, 0, 20)[0] > 0 > limits(5, 1, 20)[0]
    assert chance_of_exclusion(np.array([6, 0]), np.array([20, 20])).tolist() == [1 / 64, 0.0]


def test_rare_pairs_have_the_interval_of_their_counts():
    differences = np.array([1.0, 1.0, -1.0, *[0.0] * 37])
    assert widen_rare_pairs((0.02, 0.03), differences) == pytest.approx(limits(2, 1, 40))
    assert widen_rare_pairs((-0.9, 0.9), differences) == (-0.9, 0.9)
    assert widen_rare_pairs((0.5, 0.6), np.repeat([1.0, 0.0], 10)) == (0.5, 0.6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_pairs_that_nearly_all_differ_are_as_rare(sign):
    """Ten differences of 1 have no spread, and no certainty."""
    same = sign * np.ones(20)
    low, high = sorted(sign * end for end in widen_rare_pairs((sign, sign), same))
    assert (low, high) == pytest.approx((limits(20, 0, 20)[0], 1.0))
    once = np.array([0.0, *[float(sign)] * 39])
    ends = sorted(sign * end for end in widen_rare_pairs((0.97 * sign, 0.98 * sign), once))
    assert ends == pytest.approx(limits(39, 0, 40))
