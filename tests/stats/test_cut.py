import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.errors import ImprintError
from imprint.stats import accuracy_at_confidence, cut_size, cut_weights


@pytest.mark.parametrize(
    ("count", "percent", "size"),
    [
        (10, 100, 10),
        (10, 20, 2),
        (10, 1, 1),
        (3, 50, 2),
        (5, 50, 2),
        (7, 50, 4),
        (139_183, 5, 6959),
    ],
)
def test_the_cut_rounds_half_to_even_and_is_never_empty(
    count: int, percent: float, size: int
) -> None:
    assert cut_size(count, percent) == size


def test_the_tied_group_at_the_cut_is_taken_in_equal_part() -> None:
    confidence = [0.5, 0.9, 0.5, 0.5, 0.1]
    np.testing.assert_allclose(cut_weights(confidence, 40), [1 / 3, 1, 1 / 3, 1 / 3, 0], rtol=1e-15)
    assert accuracy_at_confidence([1, 1, 0, 0, 1], confidence, 40) == pytest.approx(2 / 3)


def test_accuracy_at_the_cut_is_the_mean_over_orders_of_ties() -> None:
    random = np.random.default_rng(5)
    confidence = random.integers(0, 3, 40).astype(float)
    correct = random.random(40) < 0.5
    taken = cut_size(40, 30)
    accuracies = []
    for _ in range(20_000):
        order = np.lexsort((random.random(40), -confidence))
        accuracies.append(correct[order[:taken]].mean())
    error = np.std(accuracies) / math.sqrt(len(accuracies))
    exact = accuracy_at_confidence(correct, confidence, 30)
    assert abs(exact - np.mean(accuracies)) < 4 * error + 1e-12


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.floats(0.1, 100))
def test_weights_sum_to_the_size_of_the_cut_in_any_order(values: list[int], percent: float) -> None:
    confidence = np.array(values, dtype=float)
    weights = cut_weights(confidence, percent)
    assert weights.sum() == pytest.approx(cut_size(len(values), percent), rel=1e-12)
    assert ((weights >= 0) & (weights <= 1)).all()
    for level in set(values):
        assert len(set(weights[confidence == level])) == 1
    order = np.random.default_rng(len(values)).permutation(len(values))
    assert (cut_weights(confidence[order], percent) == weights[order]).all()


def test_the_whole_sample_gives_the_plain_accuracy() -> None:
    correct = [True, False, True, True]
    assert accuracy_at_confidence(correct, [0, 0, -1, -2], 100) == 0.75


@pytest.mark.parametrize("percent", [0, -1, 100.5, math.nan])
def test_percentages_out_of_range_are_refused(percent: float) -> None:
    with pytest.raises(ImprintError, match=r"confidence percentage .* must lie in \(0, 100\]"):
        cut_weights([1.0], percent)


@pytest.mark.parametrize(
    ("correct", "confidence", "message"),
    [
        ([1, 0], [0.5], "correct has 2 values and confidence 1: both must be of the same"),
        ([], [], "correct must hold at least 1 values, got 0"),
        ([1, 0], [0.5, math.nan], "confidence is nan in row 1"),
        ([[1]], [[0.5]], r"correct must have one axis, got shape \[1, 1\]"),
    ],
)
def test_samples_that_do_not_fit_are_refused(
    correct: list[float], confidence: list[float], message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        accuracy_at_confidence(correct, confidence, 50)
