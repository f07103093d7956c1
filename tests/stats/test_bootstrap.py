import tracemalloc

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student_t

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.stats import bootstrap as module
from imprint.stats.bootstrap import (
    bootstrap_means,
    mean,
    mean_count,
    mean_difference,
    mean_share,
    mean_share_difference,
    percentile_interval,
    resamples,
)


def test_every_resample_draws_as_many_rows_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resamples(generator(0, "test"), 7, 50)))
    assert whole.shape == (50, 7)
    assert (whole.sum(axis=1) == 7).all()
    monkeypatch.setattr(module, "CHUNK_VALUES", 30)
    chunks = list(resamples(generator(0, "test"), 7, 50))
    assert max(map(len, chunks)) == 4
    assert np.array_equal(np.concatenate(chunks), whole)


@pytest.mark.parametrize("distinct", [3, 400])
def test_spread_is_the_standard_error(distinct: int) -> None:
    """Both ways of drawing: few different rows (multinomial) and many."""
    values = np.random.default_rng(0).integers(0, distinct, (400, 2)) / distinct
    values[:, 1] = 2 * values[:, 0] + 1
    drawn = bootstrap_means(values, generator(0, "test"), 4000)
    assert drawn.shape == (4000, 2)
    error = values[:, 0].std() / 20
    # 5 standard deviations of the mean and of the standard deviation of 4000 draws.
    assert drawn[:, 0].mean() == pytest.approx(values[:, 0].mean(), abs=5 * error / 4000**0.5)
    assert drawn[:, 0].std() == pytest.approx(error, rel=5 / 8000**0.5)
    assert np.allclose(drawn[:, 1], 2 * drawn[:, 0] + 1)


def test_chunks_of_repeated_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.repeat(np.arange(5.0), 8)[:, None]
    whole = bootstrap_means(values, generator(0, "test"), 100)
    monkeypatch.setattr(module, "CHUNK_VALUES", 17)
    assert np.array_equal(bootstrap_means(values, generator(0, "test"), 100), whole)


def test_memory_is_bounded_with_many_repeated_rows() -> None:
    values = np.repeat(np.arange(20_000.0), 4)[:, None]
    tracemalloc.start()
    bootstrap_means(values, generator(0, "test"), 500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8 * module.CHUNK_VALUES


def test_percentile_interval_by_hand() -> None:
    assert percentile_interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert percentile_interval(np.arange(11.0), 0.8) == pytest.approx((1.0, 9.0))


def test_the_interval_of_a_mean_of_few_is_students() -> None:
    values = np.random.default_rng(0).normal(size=8)
    low, high = mean(values, generator(0, "test"), 20_000).ci95
    reach = student_t.ppf(0.975, 7) * values.std(ddof=1) / 8**0.5
    # Equal but for the skewness of the values and the noise of the draws.
    assert (high - low) / 2 == pytest.approx(reach, rel=0.1)


def test_shares_that_are_all_one_are_no_certainty() -> None:
    found = mean_share(np.ones(20), generator(0, "test"))
    assert found.value == found.ci95[1] == 1
    assert found.ci95[0] == pytest.approx(0.025 ** (1 / 20))


def test_a_constant_has_no_spread() -> None:
    found = mean([0.25] * 9, generator(0, "test"))
    assert (found.value, found.ci95, found.n) == (0.25, (0.25, 0.25), 9)


def test_pairs_stay_together() -> None:
    """The gap is 1 in every pair: no resample can give another, however the values spread."""
    first = np.random.default_rng(0).normal(0, 100, 50).round()
    found = mean_difference(first + 1, first, generator(0, "test"))
    assert (found.value, found.ci95, found.n) == (1.0, (1.0, 1.0), 50)


def test_difference_has_its_sign_and_follows_the_seed() -> None:
    first, second = np.random.default_rng(0).normal([[1.0], [0.0]], 1, (2, 200))
    found = mean_difference(first, second, generator(0, "test"))
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert 0 < found.ci95[0] < found.value < found.ci95[1]
    assert found == mean_difference(first, second, generator(0, "test"))
    assert found != mean_difference(first, second, generator(1, "test"))


@pytest.mark.parametrize("kind", ["normal", "binary"])
def test_intervals_cover_the_truth(kind: str) -> None:
    """A percentile interval of 80 examples covers ≥ 93 %: fewer hits have probability < 1e-4."""
    trials, random = 300, np.random.default_rng(1)
    hits = 0
    for trial in range(trials):
        gaps = random.normal(0.3, 1, 80) if kind == "normal" else random.random(80) < 0.3
        low, high = mean(gaps, generator(trial, "coverage"), 400).ci95
        hits += low <= 0.3 <= high
    assert binom.ppf(1e-4, trials, 0.93) <= hits <= binom.ppf(1 - 1e-4, trials, 0.96)


@pytest.mark.parametrize(("count", "rate"), [(5, 0.1), (20, 0.05), (20, 0.2), (20, 0.6), (20, 2)])
def test_intervals_of_rare_counts_cover_the_truth(count: int, rate: float) -> None:
    """Marks that few draws reach: ≥ 92 %, but once in 10,000; a bootstrap covers 62 % at 0.05."""
    trials, random = 200, np.random.default_rng(4)
    hits = 0
    for trial in range(trials):
        counts = random.poisson(rate, count) / 8
        low, high = mean_count(counts, generator(trial, "coverage"), 1 / 8, 200).ci95
        hits += low <= rate / 8 <= high
    assert binom.ppf(1e-4, trials, 0.92) <= hits


@pytest.mark.parametrize(("count", "share"), [(20, 0.02), (20, 0.1), (60, 0.05), (40, 0.9)])
def test_intervals_of_rare_shares_cover_the_truth(count: int, share: float) -> None:
    """≥ 93 %: fewer hits have probability < 1e-4."""
    trials, random = 200, np.random.default_rng(5)
    hits = 0
    for trial in range(trials):
        drawn = random.random(count) < share
        low, high = mean_share(drawn, generator(trial, "coverage"), 200).ci95
        hits += low <= share <= high
    assert binom.ppf(1e-4, trials, 0.93) <= hits


def test_counts_that_are_not_rare_have_the_interval_of_any_mean() -> None:
    for values in ([1.0, 2.0, 1.0, 0.0], np.arange(30.0)):
        plain = mean(values, generator(0, "test"))
        assert mean_count(values, generator(0, "test"), 1.0) == plain
    found = mean_count(np.zeros(20), generator(0, "test"), 2.0)
    # 20 draws of nothing, and one of a unit to either side: 1.96 · √(2 · 2² / 22) / √22.
    assert found.ci95 == pytest.approx((-1.959964 * 8**0.5 / 22, 1.959964 * 8**0.5 / 22))


@pytest.mark.parametrize(("count", "lost", "won"), [(50, 0.02, 0), (100, 0.02, 0.01), (50, 0, 0)])
def test_intervals_of_rare_differences_cover_the_truth(count: int, lost: float, won: float) -> None:
    """Without widening 63 % of 50 pairs of which one in 50 differs; ≥ 93 %, but once in 10,000."""
    trials, random = 200, np.random.default_rng(3)
    hits = 0
    for trial in range(trials):
        drawn = random.random(count)
        first, second = drawn < lost, (drawn >= lost) & (drawn < lost + won)
        low, high = mean_share_difference(first, second, generator(trial, "coverage"), 200).ci95
        hits += low <= lost - won <= high
    assert binom.ppf(1e-4, trials, 0.93) <= hits


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda random: mean([], random), "values must hold at least 1 values, got 0"),
        (lambda random: mean([1, np.nan], random), "values is nan in row 1"),
        (lambda random: mean([[1.0]], random), "one axis"),
        (lambda random: mean_difference([1, 2], [1], random), "2 values and second 1"),
        (lambda random: bootstrap_means(np.empty((0, 2)), random), "n ≥ 1"),
        (lambda random: bootstrap_means([[np.inf]], random), "not finite"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        call(generator(0, "test"))
