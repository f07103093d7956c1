import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, pearsonr, rankdata, spearmanr

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.stats.bootstrap import percentile_interval, resamples
from imprint.stats.correlation import pearson, spearman
from imprint.stats.ranks import midranks


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 60), st.integers(2, 30))
def test_values_are_those_of_scipy(seed: int, count: int, kinds: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, kinds, (2, count)).astype(float)
    first[:2] = second[:2] = (0, 1)
    for ours, theirs in ((pearson, pearsonr), (spearman, spearmanr)):
        found = ours(first, second, generator(0, "test"), 5)
        assert found.value == pytest.approx(theirs(first, second).statistic, abs=1e-12)
        assert found.n == count


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_midranks_are_those_of_scipy(values: list[int]) -> None:
    assert np.array_equal(midranks(np.array(values, float)), rankdata(values))


def test_ranks_of_a_resample_are_those_of_its_rows_written_out() -> None:
    values = np.array([3.0, 1.0, 3.0, 2.0, 5.0])
    counts = next(resamples(generator(0, "test"), 5, 20))
    ranks = midranks(values, counts)
    for drawn, rank in zip(counts, ranks, strict=True):
        rows = np.repeat(np.arange(5), drawn)
        assert np.array_equal(rank[rows], rankdata(values[rows]))


@pytest.mark.parametrize(("ours", "theirs"), [(pearson, pearsonr), (spearman, spearmanr)])
def test_the_interval_is_that_of_resamples_written_out(ours, theirs) -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 25)).round(1)
    counts = np.concatenate(list(resamples(generator(0, "test"), 25, 60)))
    rows = [np.repeat(np.arange(25), drawn) for drawn in counts]
    slow = [theirs(first[row], second[row]).statistic for row in rows]
    found = ours(first, second, generator(0, "test"), 60)
    assert found.ci95 == pytest.approx(percentile_interval(slow, count=25), abs=1e-12)


def test_perfect_correlation_of_ranks() -> None:
    first = np.arange(20.0)
    low, high = spearman(first, np.exp(first), generator(0, "test")).ci95
    # About the next lower value, 1 − 6/7980: tanh(atanh(0.99925) − 1.96 √(1.4993/17)).
    assert low == pytest.approx(np.tanh(np.arctanh(1 - 6 / 7980) - 1.95996 * (1.4992 / 17) ** 0.5))
    assert high == 1
    mirrored = spearman(first, -np.exp(first), generator(0, "test")).ci95
    assert mirrored == (-1, -low)
    assert pearson(first, -first, generator(0, "test")).value == pytest.approx(-1)


@pytest.mark.parametrize("offset", [0.0, 1e6 + 0.1, 1e8 + 0.3])
def test_resamples_without_a_correlation_are_left_out(offset: float) -> None:
    """Most resamples miss the one row that differs; the rounding of a mean is no correlation."""
    first = np.array([1.0] + [0.0] * 9) + offset
    second = np.array([9.0, *np.random.default_rng(0).normal(size=9)])
    counts = np.concatenate(list(resamples(generator(0, "test"), 10, 400)))
    rows = [np.repeat(np.arange(10), drawn) for drawn in counts if 0 < drawn[0] < 10]
    slow = [pearsonr(first[row] - offset, second[row]).statistic for row in rows]
    assert len(slow) < 300
    found = pearson(first, second, generator(0, "test"), 400)
    assert found.ci95 == pytest.approx(percentile_interval(slow, count=10), abs=1e-6)


def test_intervals_cover_the_truth() -> None:
    """The percentile interval of 60 pairs covers ≥ 90 %: fewer hits have probability < 1e-4."""
    random, truth, trials = np.random.default_rng(0), 0.6, 200
    hits = 0
    for trial in range(trials):
        first, noise = random.normal(size=(2, 60))
        second = truth * first + 0.8 * noise
        low, high = pearson(first, second, generator(trial, "coverage"), 300).ci95
        hits += low <= truth <= high
    assert binom.ppf(1e-4, trials, 0.90) <= hits <= binom.ppf(1 - 1e-4, trials, 0.96)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([1, 2], [1, 2], "at least 3"),
        ([1, 2, 3], [1, 2, 3, 4], "the same examples"),
        ([1, 1, 1], [1, 2, 3], "first is constant"),
        ([1, 2, 3], [2, 2, 2], "second is constant"),
        ([1, 2, np.nan], [1, 2, 3], "first is nan in row 2"),
    ],
)
def test_errors(first: list[float], second: list[float], message: str) -> None:
    for correlation in (pearson, spearman):
        with pytest.raises(ImprintError, match=message):
            correlation(first, second, generator(0, "test"))


@pytest.mark.parametrize(("ours", "count"), [(pearson, 15), (spearman, 15), (spearman, 60)])
def test_intervals_cover_the_correlation_of_few_pairs(ours, count: int) -> None:
    """Normal pairs, ρ = ½; Spearman's is 6/π · asin(¼). Fewer hits than 93 % once in 10,000."""
    random, trials, hits = np.random.default_rng(2), 250, 0
    truth = 0.5 if ours is pearson else 6 / np.pi * np.arcsin(0.25)
    for trial in range(trials):
        first, noise = random.normal(size=(2, count))
        second = 0.5 * first + 0.75**0.5 * noise
        low, high = ours(first, second, generator(trial, "coverage"), 400).ci95
        hits += low <= truth <= high
    assert binom.ppf(1e-4, trials, 0.93) <= hits
