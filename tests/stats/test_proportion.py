import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from imprint.core.errors import ImprintError
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import (
    clopper_pearson,
    mcnemar,
    proportion,
    widen_rare_difference,
    wilson,
)


def test_an_estimate_is_json() -> None:
    assert json.loads(json.dumps(Estimate(0.5, (0.25, 0.75), 12).to_dict())) == {
        "value": 0.5,
        "ci95": [0.25, 0.75],
        "n": 12,
    }


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(0, 0, 1.0), (3, 3, 1.0), (1, 0, 1.0), (5, 0, 2 / 32), (0, 5, 2 / 32), (8, 2, 2 * 56 / 1024)],
)
def test_mcnemar_by_hand(first: int, second: int, p_value: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p_value, rel=1e-14)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_is_the_binomial_test(first: int, second: int) -> None:
    wanted = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(wanted, rel=1e-9)
    assert mcnemar(first, second) == mcnemar(second, first)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ImprintError, match="negative: -1, 2"):
        mcnemar(-1, 2)


def test_intervals_of_none_in_ten_by_hand() -> None:
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1), rel=1e-12)
    assert clopper_pearson(10, 10) == pytest.approx((0.025**0.1, 1.0), rel=1e-12)
    square = 1.959963984540054**2
    assert wilson(0, 10) == pytest.approx((0.0, square / (10 + square)), rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_intervals_are_those_of_scipy(count: int, share: float, confidence: float) -> None:
    successes = round(share * count)
    test = binomtest(successes, count)
    for ours, name in ((clopper_pearson, "exact"), (wilson, "wilson")):
        wanted = test.proportion_ci(confidence, method=name)
        assert ours(successes, count, confidence) == pytest.approx(tuple(wanted), abs=1e-9)


@pytest.mark.parametrize("count", [1, 12, 60])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.93])
def test_clopper_pearson_covers_exactly(count: int, share: float) -> None:
    """Coverage summed over all outcomes, not sampled."""
    covered = 0.0
    for successes in range(count + 1):
        low, high = clopper_pearson(successes, count)
        covered += binom.pmf(successes, count, share) * (low <= share <= high)
    assert covered >= 0.95 - 1e-12


def test_wilson_covers_on_average() -> None:
    intervals = np.array([wilson(successes, 40) for successes in range(41)])
    shares = np.linspace(0.05, 0.95, 91)
    inside = (intervals[:, :1] <= shares) & (shares <= intervals[:, 1:])
    covered = (binom.pmf(np.arange(41)[:, None], 40, shares) * inside).sum(axis=0).mean()
    assert 0.94 < covered < 0.96


def test_a_proportion_carries_its_interval() -> None:
    assert proportion(3, 12) == Estimate(0.25, clopper_pearson(3, 12), 12)


@pytest.mark.parametrize(
    "arguments", [(-1, 3, 0.95), (4, 3, 0.95), (0, 0, 0.95), (1, 3, 1.0), (1, 3, 0.0)]
)
def test_impossible_proportions_are_refused(arguments: tuple[int, int, float]) -> None:
    for interval in (clopper_pearson, wilson):
        with pytest.raises(ImprintError):
            interval(*arguments)


@pytest.mark.parametrize("shares", [(0.02, 0.02), (0.1, 0.03), (0.95, 0.3)])
def test_widened_differences_of_rare_shares_cover_the_truth(shares: tuple[float, float]) -> None:
    """Of 25 and 30 examples, around a bootstrap without any width: ≥ 94 %, but once in 1,000."""
    random, trials, truth = np.random.default_rng(0), 1000, shares[0] - shares[1]
    first, second = random.binomial(25, shares[0], trials), random.binomial(30, shares[1], trials)
    hits = 0
    for one, other in zip(first / 25, second / 30, strict=True):
        gap = one - other
        low, high = widen_rare_difference((gap, gap), one, other, (25, 30))
        hits += low <= truth <= high
    assert binom.ppf(1e-3, trials, 0.94) <= hits
