import numpy as np
import pytest
from scipy.stats import binom, pearsonr

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.impartiality_findings import CriterionCorrelation
from imprint.lenses.coverage.measure.evenness_correlation import (
    correlate,
    correlations,
    overall,
    p_of_none,
    size_spreads,
    standardised,
)
from imprint.lenses.coverage.measure.impartiality import MixedSets
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import FiveNumbers


def sets(size: int, impartiality: list[float], **coverage: list[float]) -> MixedSets:
    count = len(impartiality)
    return MixedSets(
        np.full(count, size),
        np.ones(count),
        np.array(impartiality),
        {name: np.array(values) for name, values in coverage.items()},
    )


def test_pooled_intervals_cover_the_correlation_within_sizes() -> None:
    """Two sizes of other means and spreads, ρ = ½ in each: ≥ 92 %, but once in 10,000."""
    random, hits, trials = np.random.default_rng(0), 0, 25
    sizes = np.repeat([100, 500], 30)
    for trial in range(trials):
        even, noise = random.normal(size=(2, 60))
        coverage = (0.5 * even + 0.75**0.5 * noise) * np.where(sizes == 100, 1, 9) + sizes
        mixed = MixedSets(sizes, np.ones(60), even, {"nc": coverage})
        found = correlate(mixed, "nc", trial)
        assert isinstance(found, CriterionCorrelation)
        assert isinstance(found.pooled, Estimate)
        hits += found.pooled.low <= 0.5 <= found.pooled.high
    assert binom.ppf(1e-4, trials, 0.92) <= hits


def test_values_are_in_units_of_their_group() -> None:
    values, groups = np.array([1.0, 3.0, 10.0, 30.0, 7.0]), np.array([1, 1, 2, 2, 3])
    assert standardised(values, groups).tolist() == [-1, 1, -1, 1, 0]


def test_p_is_that_of_students_test_where_there_is_one_size() -> None:
    random = np.random.default_rng(0)
    even, noise = random.normal(size=(2, 12))
    mixed = sets(50, even.tolist(), nc=(even + noise).tolist())
    found = correlate(mixed, "nc", 0)
    assert found.p == pytest.approx(pearsonr(even + noise, even).pvalue)
    assert p_of_none(Estimate(0.5, (0, 1), 12), 3) > p_of_none(Estimate(0.5, (0, 1), 12), 1)
    assert p_of_none(Estimate(1.0, (1, 1), 12), 1) == 0
    assert p_of_none(Estimate(0.9, (0, 1), 3), 2) == 1


def test_p_values_of_criteria_without_a_correlation_are_uniform() -> None:
    """Of 300 studies of chance, in three sizes of means and spreads of their own."""
    random, sizes = np.random.default_rng(1), np.repeat([10, 20, 30], 8)
    found = []
    for _ in range(300):
        even, coverage = random.normal(size=(2, 24)) * sizes + sizes
        scaled = [standardised(values, sizes) for values in (even, coverage)]
        value = float(np.corrcoef(*scaled)[0, 1])
        found.append(p_of_none(Estimate(value, (-1, 1), 24), 3))
    for level in (0.05, 0.2, 0.5):
        hits = int((np.array(found) <= level).sum())
        assert binom.ppf(1e-3, 300, level) <= hits <= binom.ppf(1 - 1e-3, 300, level)


def test_p_values_are_adjusted_for_all_criteria() -> None:
    even = [0.1, 0.4, 0.5, 0.9, 0.2]
    mixed = sets(9, even, nc=[1.0, 4, 5, 8, 2], cc=[2.0, 1, 3, 2, 2], tknp=[1.0] * 5)
    found = correlations(mixed, 0)
    assert isinstance(found["tknp"].pooled, Missing)
    assert (found["tknp"].p, found["tknp"].adjusted) == (None, None)
    least, most = sorted((found["nc"], found["cc"]), key=lambda each: each.p or 0)
    assert least.p is not None
    assert least.adjusted == pytest.approx(2 * least.p)
    assert most.adjusted == most.p


def test_what_two_kinds_of_sets_differ_in_counts_for_both_together() -> None:
    """Within a kind, coverage falls as evenness rises; the more even kind has more of it."""
    clean = sets(9, [0.1, 0.2, 0.3], nc=[3.0, 2, 1])
    other = sets(9, [0.7, 0.8, 0.9], nc=[9.0, 8, 7])
    both = overall(clean, other, 0)["nc"]
    assert isinstance(both, Estimate)
    expected = np.corrcoef([3, 2, 1, 9, 8, 7], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9])[0, 1]
    assert both.value == pytest.approx(expected)
    assert both.value > 0.8


def test_sets_are_summarised_by_size() -> None:
    mixed = MixedSets(
        np.array([5, 5, 5, 9]), np.ones(4), np.array([0.2, 0.4, 0.6, 0.5]),
        {"nc": np.array([1.0, 2, 3, 8])},
    )  # fmt: skip
    spreads = size_spreads(mixed, (5, 9))
    assert spreads.coverage["nc"] == (FiveNumbers(1, 1.5, 2, 2.5, 3), FiveNumbers(8, 8, 8, 8, 8))
    assert spreads.impartiality[0].median == 0.4
