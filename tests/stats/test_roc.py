import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from imprint.core.errors import ImprintError
from imprint.stats.roc import (
    auc,
    balanced_accuracy,
    best_threshold,
    max_balanced_accuracy,
    roc,
    tpr_at_fpr,
)

SCORES = st.lists(st.integers(-4, 4), min_size=2, max_size=25)


def test_vertices_by_hand() -> None:
    curve = roc([3, 2, 2, 0], [2, 1])
    assert curve.threshold.tolist() == [np.inf, 3, 2, 1, 0]
    assert curve.tpr.tolist() == [0, 0.25, 0.75, 0.75, 1]
    assert curve.fpr.tolist() == [0, 0, 0.5, 1, 1]
    assert (curve.positives, curve.negatives, curve.resolution) == (4, 2, 0.5)


def test_no_rate_between_vertices_is_claimed() -> None:
    curve = roc([3, 2, 2, 0], [2, 1])
    assert [tpr_at_fpr(curve, rate) for rate in (0, 0.49, 0.5, 0.99, 1)] == [
        0.25,
        0.25,
        0.75,
        0.75,
        1,
    ]


def test_a_rate_that_is_met_exactly_counts() -> None:
    """k/n as a double is the double of the decimal that is written, for every k and n."""
    for count in (10, 30, 1000):
        negatives = np.arange(count)
        curve = roc(negatives + 0.5, negatives)
        for rate in (0.1, 0.2, 0.3, 0.7):
            assert tpr_at_fpr(curve, rate) == pytest.approx(rate + 1 / count)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_curve_and_area_are_those_of_scikit_learn(hit: list[int], miss: list[int]) -> None:
    labels, scores = [1] * len(hit) + [0] * len(miss), hit + miss
    fpr, tpr, threshold = roc_curve(labels, scores, drop_intermediate=False)
    curve = roc(hit, miss)
    assert np.array_equal(curve.threshold, threshold)
    assert np.allclose(curve.fpr, fpr, atol=1e-15)
    assert np.allclose(curve.tpr, tpr, atol=1e-15)
    assert auc(hit, miss).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES)
def test_area_by_all_pairs_and_mirrored(hit: list[int], miss: list[int]) -> None:
    gaps = np.subtract.outer(hit, miss)
    found = auc(hit, miss)
    assert found.value == pytest.approx(((gaps > 0) + (gaps == 0) / 2).mean(), abs=1e-12)
    assert 0 <= found.ci95[0] <= found.value <= found.ci95[1] <= 1
    mirrored = auc(miss, hit)
    assert mirrored.value == pytest.approx(1 - found.value, abs=1e-12)
    assert mirrored.ci95[0] == pytest.approx(1 - found.ci95[1], abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(SCORES, SCORES)
def test_monotone_maps_change_nothing(hit: list[int], miss: list[int]) -> None:
    first, second = np.array(hit, float), np.array(miss, float)
    assert auc(np.exp(first), np.exp(second)) == auc(first, second)
    assert tpr_at_fpr(roc(first**3, second**3), 0.3) == tpr_at_fpr(roc(first, second), 0.3)


def test_delong_deviation_by_hand() -> None:
    """V10 = (1, ½), V01 = (½, 1): area ¾, both variances ⅛, deviation √(⅛/2 + ⅛/2) = √⅛."""
    found = auc([3, 1], [2, 0])
    assert found.value == 0.75
    reach = norm.ppf(0.975) * np.sqrt(1 / 8) / (0.75 * 0.25)
    odds = 3 * np.exp([-reach, reach])
    assert found.ci95 == pytest.approx(tuple(odds / (1 + odds)), rel=1e-12)
    assert found.n == 4


def test_all_equal_scores_tell_nothing() -> None:
    found = auc([1, 1, 1], [1, 1])
    assert found.value == 0.5
    # None of two differs: up to 1 − 0.025^(1/2) may, and moves the area by half of that.
    reach = (1 - 0.025**0.5) / 2
    assert found.ci95 == pytest.approx((0.5 - reach, 0.5 + reach))
    assert max_balanced_accuracy(roc([1, 1, 1], [1, 1])) == 0.5


def test_perfect_separation_is_not_certainty() -> None:
    assert auc([2, 3, 4], [0, 1]).ci95 == pytest.approx((0.025**0.5, 1))
    assert auc([0, 1], [2, 3, 4]).ci95 == pytest.approx((0, 1 - 0.025**0.5))


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_area_intervals_cover_the_truth(shift: float) -> None:
    """P[N(shift, 1) > N(0, 1)] = Φ(shift/√2); coverage ≥ 93 % and ≤ 97 %, bounds at 1e-4."""
    random, trials, truth = np.random.default_rng(0), 500, norm.cdf(shift / 2**0.5)
    intervals = [
        auc(random.normal(shift, 1, 60), random.normal(0, 1, 80)).ci95 for _ in range(trials)
    ]
    hits = sum(low <= truth <= high for low, high in intervals)
    assert binom.ppf(1e-4, trials, 0.93) <= hits <= binom.ppf(1 - 1e-4, trials, 0.97)


@pytest.mark.parametrize(("members", "others"), [(30, 1000), (100, 1000), (1000, 30)])
def test_area_intervals_near_one_are_not_too_narrow(members: int, others: int) -> None:
    """Where few examples are out of order the interval is wide: coverage ≥ 93 %, bound at 1e-4."""
    random, trials, truth = np.random.default_rng(3), 300, norm.cdf(4 / 2**0.5)
    intervals = [
        auc(random.normal(4, 1, members), random.normal(size=others)).ci95 for _ in range(trials)
    ]
    hits = sum(low <= truth <= high for low, high in intervals)
    assert hits >= binom.ppf(1e-4, trials, 0.93)
    assert np.mean([high - low for low, high in intervals]) < 0.05


@settings(max_examples=40, deadline=None)
@given(SCORES, SCORES)
def test_best_threshold_reaches_the_best_accuracy(hit: list[int], miss: list[int]) -> None:
    curve = roc(hit, miss)
    every = [balanced_accuracy(hit, miss, threshold) for threshold in curve.threshold]
    assert max_balanced_accuracy(curve) == pytest.approx(max(every), abs=1e-15)
    reached = balanced_accuracy(hit, miss, best_threshold(curve))
    assert reached == pytest.approx(max(every), abs=1e-15)


def test_balanced_accuracy_is_that_of_scikit_learn() -> None:
    hit, miss = [0.9, 0.4, 0.5], [0.5, 0.1]
    guesses = np.array(hit + miss) >= 0.5
    wanted = balanced_accuracy_score([1, 1, 1, 0, 0], guesses)
    assert balanced_accuracy(hit, miss, 0.5) == pytest.approx(wanted)
    assert wanted == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_a_threshold_of_other_examples_does_not_flatter() -> None:
    """On pure noise the held-out accuracy is ½ on average, the chosen one above it."""
    random = np.random.default_rng(0)
    chosen, held_out = [], []
    for _ in range(200):
        hit, miss, new_hit, new_miss = random.normal(size=(4, 40))
        curve = roc(hit, miss)
        chosen.append(max_balanced_accuracy(curve))
        held_out.append(balanced_accuracy(new_hit, new_miss, best_threshold(curve)))
    # One accuracy of 80 has deviation ≤ 0.056, the mean of 200 ≤ 0.004: 5 of them.
    assert abs(np.mean(held_out) - 0.5) < 0.02
    assert np.mean(chosen) > 0.55


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roc([], [1]), "scores of positives must hold at least 1"),
        (lambda: roc([1], [np.nan]), "scores of negatives is nan in row 0"),
        (lambda: auc([1], [1, 2]), "scores of positives must hold at least 2"),
        (lambda: tpr_at_fpr(roc([1], [0]), 1.5), r"FPR must be in \[0, 1\], got"),
        (lambda: balanced_accuracy([1], [], 0), "scores of negatives must hold at least 1"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        call()
