import numpy as np
import pytest

from imprint.lenses.coverage.measure.accuracy_drops import (
    class_spread,
    compare_drops,
    random_drop,
    share_as_costly,
)
from imprint.stats.five_numbers import FiveNumbers


def test_a_method_beyond_all_random_draws_has_the_smallest_p() -> None:
    whole = np.ones(200, dtype=bool)
    without = np.arange(200) < 100
    random = np.ones((9, 200), dtype=bool)
    random[:, :10] = False
    result = compare_drops(3, whole, without, random, 0)
    assert result.drop.value == pytest.approx(0.5)
    assert result.excess.value == pytest.approx(0.45)
    assert result.p == pytest.approx(0.1)
    assert result.matched.mean == pytest.approx(0.05)


def test_draws_that_cost_the_same_are_ties_whatever_the_rounding() -> None:
    """One test of ten is lost by each: 1 − 0.9 and 0.1 differ in their last digit."""
    whole = np.ones(10, dtype=bool)
    random = np.arange(10) != np.arange(1, 10)[:, None]
    assert compare_drops(3, whole, np.arange(10) != 0, random, 0).p == 1.0


def test_p_values_of_one_more_random_draw_are_uniform() -> None:
    """Of ten exchangeable networks: p ≤ j/10 has a chance of j/10 at most, ties raise it."""
    random, found = np.random.default_rng(0), []
    for _ in range(400):
        right = random.random((10, 40)) < random.random((10, 1))
        costs = [40 - int(row.sum()) for row in right]
        found.append(share_as_costly(right[0], right[1:]))
        assert found[-1] == sum(cost >= costs[0] for cost in costs) / 10
    expected = np.arange(1, 10) / 10
    shares = (np.array(found)[:, None] <= expected + 1e-9).mean(0)
    # Four standard errors of a share of 400; ties of two counts of 0 to 40 are one in 30.
    error = 4 * np.sqrt(expected * (1 - expected) / 400)
    assert (shares <= expected + error).all()
    assert (shares >= expected - error - 0.15).all()


def test_neurons_that_cost_nothing_have_an_interval_about_nothing() -> None:
    """No test of 30 changes: one in ten may well, and neither end is 0."""
    right = np.ones((5, 30), dtype=bool)
    result = compare_drops(3, right[0], right[1], right[2:], 0)
    assert (result.drop.value, result.excess.value) == (0, 0)
    assert result.drop.low == pytest.approx(-(2**0.5) * 1.959964 / 32)
    assert result.drop.high == -result.drop.low


def test_all_random_draws_are_summarised() -> None:
    """Of ten tests, draws lose none, one, two, three and five."""
    whole = np.ones(10, dtype=bool)
    random = np.arange(10) >= np.array([0, 1, 2, 3, 5])[:, None]
    drop = random_drop(whole, random)
    assert drop.spread is not None
    assert list(vars(drop.spread).values()) == pytest.approx([0, 0.1, 0.2, 0.3, 0.5])


def test_drops_of_classes_are_each_of_their_own_tests() -> None:
    """Class 3 has one test, class 7 four: one of them was wrong before."""
    labels = np.array([7, 3, 7, 7, 7])
    whole = np.array([1, 1, 1, 1, 0], dtype=bool)
    without = np.array([0, 1, 0, 1, 0], dtype=bool)
    random = np.stack([whole, ~labels.astype(bool)])
    spread = class_spread(labels, whole, without, random)
    assert spread.classes == 2
    assert spread.leading == FiveNumbers(0.0, 0.125, 0.25, 0.375, 0.5)
    assert list(vars(spread.random).values()) == [0, 0, 0.375, 0.8125, 1.0]
