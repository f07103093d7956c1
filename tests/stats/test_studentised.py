from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, bootstrap, ttest_1samp

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.stats.studentised import studentised_mean

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def test_interval_holds_that_of_student() -> None:
    values = np.random.default_rng(0).normal(size=12)
    estimate = studentised_mean(values, generator(0, "test"))
    student = ttest_1samp(values, 0).confidence_interval()
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low <= student.low + 1e-12
    assert estimate.high >= student.high - 1e-12
    assert estimate.n == 12


def test_interval_of_skewed_values_reaches_that_of_the_bootstrap_t() -> None:
    """SciPy draws the same statistic, a mean over its error."""
    values = np.random.default_rng(1).exponential(size=30)
    centre, error = values.mean(), values.std(ddof=1) / 30**0.5

    def t_statistic(rows: np.ndarray, axis: int) -> np.ndarray:
        return (rows.mean(axis) - centre) / (rows.std(axis, ddof=1) / 30**0.5)

    drawn = bootstrap(
        (values,), t_statistic, n_resamples=40_000, batch=4000, method="basic", rng=0
    ).bootstrap_distribution
    expected = centre - np.quantile(drawn, 0.025) * error
    estimate = studentised_mean(values, generator(0, "test"), 40_000)
    assert estimate.high == pytest.approx(expected, abs=0.3 * error)
    assert estimate.high - estimate.value > 1.2 * (estimate.value - estimate.low)


def test_equal_values_have_no_width_and_two_values_have_students() -> None:
    assert studentised_mean([0.25] * 5, generator(0, "test")).ci95 == (0.25, 0.25)
    low, high = studentised_mean([0.0, 1.0], generator(0, "test")).ci95
    assert (low, high) == pytest.approx((0.5 - 6.3531, 0.5 + 6.3531), abs=1e-3)


def test_scale_and_shift_carry_over() -> None:
    values = np.random.default_rng(2).gamma(0.5, size=20)
    first = studentised_mean(values, generator(0, "test"))
    second = studentised_mean(1e6 - 1e-3 * values, generator(0, "test"))
    assert 1e6 - second.high == pytest.approx(1e-3 * first.low, rel=1e-4)
    assert 1e6 - second.low == pytest.approx(1e-3 * first.high, rel=1e-4)


@pytest.mark.parametrize("count", [20, 60])
@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        (lambda random, shape: random.normal(size=shape), 0.0),
        (lambda random, shape: random.exponential(size=shape), 1.0),
        (lambda random, shape: random.standard_t(3, size=shape), 0.0),
    ],
)
def test_interval_covers(draw: Draw, mean: float, count: int) -> None:
    trials = 400
    samples = draw(np.random.default_rng(count), (trials, count))
    hits = 0
    for trial, values in enumerate(samples):
        low, high = studentised_mean(values, generator(trial, "coverage"), 500).ci95
        hits += low <= mean <= high
    # 94 % or more in truth; below this bound once in 1,000.
    assert hits >= binom.ppf(1e-3, trials, 0.94)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_values_without_an_interval_are_refused(values: list[object]) -> None:
    with pytest.raises(ImprintError):
        studentised_mean(values, generator(0, "test"))
