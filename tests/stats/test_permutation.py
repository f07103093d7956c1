from __future__ import annotations

import itertools

import numpy as np
import pytest

import imprint.stats.permutation as module
from imprint.core.errors import ImprintError
from imprint.stats.permutation import paired_permutation


def brute(values: np.ndarray) -> float:
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=len(values))]
    return float(np.mean([each >= abs(values.sum()) - 1e-9 for each in sums]))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_few_pairs_are_exchanged_in_every_way(count: int) -> None:
    random = np.random.default_rng(count)
    values = random.normal(0.5, 1, count)
    assert paired_permutation(values, random) == pytest.approx(brute(values))


def test_many_pairs_agree_with_a_sample_of_all_exchanges() -> None:
    random = np.random.default_rng(0)
    values = random.normal(0.4, 1, 16)
    # 9,999 flips: the standard error is below 0.005.
    assert paired_permutation(values, random) == pytest.approx(brute(values), abs=0.02)


def test_the_size_of_the_test_is_its_level() -> None:
    random = np.random.default_rng(1)
    found = [paired_permutation(random.normal(size=8), random) for _ in range(1500)]
    # Binomial(1500, 0.05) is beyond 104 in one of 1,000 cases.
    assert sum(p <= 0.05 for p in found) < 104


def test_p_values_of_counts_without_a_difference_are_never_too_small() -> None:
    """Pairs of Poisson counts with many ties: P(p ≤ a) ≤ a, at every a by four standard errors."""
    random, trials = np.random.default_rng(2), 400
    pairs = random.poisson(1.5, (trials, 2, 9)).astype(float)
    found = np.array([paired_permutation(first - second, random) for first, second in pairs])
    levels = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75])
    shares = (found[:, None] <= levels).mean(0)
    error = 4 * np.sqrt(levels * (1 - levels) / trials)
    assert (shares <= levels + error).all()
    # Ties take a part of each level: of nine pairs some two are equal.
    assert (shares >= levels - error - 0.15).all()


def test_no_difference_at_all_is_certain() -> None:
    assert paired_permutation(np.zeros(20), np.random.default_rng(0)) == 1.0
    with pytest.raises(ImprintError):
        paired_permutation([], np.random.default_rng(0))


@pytest.mark.parametrize("count", [17, 20])
def test_flips_are_the_same_in_chunks_of_any_size(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    values = np.random.default_rng(3).normal(0.3, 1, count)
    whole = paired_permutation(values, np.random.default_rng(0))
    monkeypatch.setattr(module, "CHUNK_SIGNS", 50_000)
    assert paired_permutation(values, np.random.default_rng(0)) == whole
