import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.stats.cut import cut_means, cut_size


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


def accuracy(correct: list[float], confidence: list[float], percent: float) -> float:
    found = cut_means(np.array(correct, dtype=float)[:, None], np.array(confidence), percent)
    return float(found[0, 0])


def test_the_tied_group_at_the_cut_is_taken_in_equal_part() -> None:
    assert accuracy([1, 1, 0, 0, 1], [0.5, 0.9, 0.5, 0.5, 0.1], 40) == pytest.approx(2 / 3)


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
    exact = accuracy(correct.tolist(), confidence.tolist(), 30)
    assert abs(exact - np.mean(accuracies)) < 4 * error + 1e-12


@given(st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_weights_count_rows_as_often_as_they_say(seed: int) -> None:
    random = np.random.default_rng(seed)
    values, confidence = random.random((12, 2)), random.integers(0, 4, 12).astype(float)
    picks = random.integers(0, 12, 12)
    weights = np.bincount(picks, minlength=12)[None]
    weighted = cut_means(values, confidence, 40, weights)[0]
    repeated = cut_means(values[picks], confidence[picks], 40)[0]
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)


def test_the_whole_sample_gives_the_plain_mean() -> None:
    assert accuracy([1, 0, 1, 1], [0, 0, -1, -2], 100) == 0.75


@pytest.mark.parametrize("percent", [0, -1, 100.5, math.nan])
def test_percentages_out_of_range_are_refused(percent: float) -> None:
    with pytest.raises(ImprintError, match=r"confidence percentage .* must lie in \(0, 100\]"):
        accuracy([1.0], [1.0], percent)


def test_confidences_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ImprintError, match="confidence is nan in row 1"):
        accuracy([1, 0], [0.5, math.nan], 50)
