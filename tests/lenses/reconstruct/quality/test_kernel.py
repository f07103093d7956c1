from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.quality import kernel
from imprint.lenses.reconstruct.quality.kernel import (
    jackknife_error,
    kernel_distance,
    kernel_quality,
    row_sums,
    squared_mmd,
)

RANDOM = np.random.default_rng(0)


def brute_force(real: np.ndarray, generated: np.ndarray) -> float:
    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    n, m = len(real), len(generated)
    within = sum(k(real[i], real[j]) for i in range(n) for j in range(n) if i != j)
    other = sum(k(generated[i], generated[j]) for i in range(m) for j in range(m) if i != j)
    cross = sum(k(x, y) for x in real for y in generated)
    return within / (n * (n - 1)) + other / (m * (m - 1)) - 2 * cross / (n * m)


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_distance_is_that_of_the_definition_in_any_blocks(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(kernel, "BLOCK_VALUES", block)
    real, generated = RANDOM.normal(size=(11, 3)), RANDOM.normal(size=(8, 3)) + 1
    assert kernel_quality(real, generated, 2, 4).value == pytest.approx(
        brute_force(real, generated), rel=1e-12
    )


def test_jackknife_leaves_out_each_image_in_turn() -> None:
    real, generated = RANDOM.normal(size=(9, 3)), RANDOM.normal(size=(6, 3)) + 1
    without_real = [brute_force(np.delete(real, i, 0), generated) for i in range(9)]
    without_generated = [brute_force(real, np.delete(generated, i, 0)) for i in range(6)]
    expected = np.sqrt(8 * np.var(without_real) + 5 * np.var(without_generated))
    assert jackknife_error(row_sums(real, generated)) == pytest.approx(expected, rel=1e-10)


def test_distance_by_hand() -> None:
    # d = 1: k(0, 0) = 1, k(1, 1) = 8, k(0, 1) = 1.
    sums = row_sums(np.zeros((3, 1)), np.ones((3, 1)))
    assert squared_mmd(sums) == 1 + 8 - 2
    assert jackknife_error(sums) == 0


def test_distance_is_unbiased_and_its_error_is_that_of_draws() -> None:
    drawn = [
        row_sums(RANDOM.normal(size=(60, 4)), RANDOM.normal(size=(60, 4)) + 0.3) for _ in range(400)
    ]
    values = np.array([squared_mmd(sums) for sums in drawn])
    errors = np.array([jackknife_error(sums) for sums in drawn])
    null = [
        squared_mmd(row_sums(RANDOM.normal(size=(60, 4)), RANDOM.normal(size=(60, 4))))
        for _ in range(400)
    ]
    assert abs(np.mean(null)) < 4 * np.std(null) / 20
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.2)


def test_subsets_are_as_published() -> None:
    real, generated = RANDOM.normal(size=(50, 4)), RANDOM.normal(size=(40, 4)) + 1
    quality = kernel_quality(real, generated, subsets=30, subset_size=20)
    assert (quality.subset_size, quality.subsets) == (20, 30)
    assert quality.subset_mean == pytest.approx(quality.value, abs=quality.subset_deviation)
    everything = kernel_quality(real, real + 1, subsets=3)
    assert everything.subset_size == 50
    assert everything.subset_deviation == pytest.approx(0, abs=1e-9)
    assert everything.subset_mean == pytest.approx(everything.value)


@pytest.mark.parametrize(("subsets", "size"), [(1, 10), (10, 1)])
def test_subsets_without_spread_are_refused(subsets: int, size: int) -> None:
    with pytest.raises(ImprintError, match="choose at least 2 of both"):
        kernel_quality(np.zeros((5, 2)), np.zeros((5, 2)), subsets, size)


def test_distance_alone_is_that_of_the_quality_with_its_interval() -> None:
    random = np.random.default_rng(3)
    real, generated = random.normal(size=(20, 4)), random.normal(size=(15, 4)) + 0.2
    quality, estimate = kernel_quality(real, generated, subsets=2), kernel_distance(real, generated)
    assert estimate.value == quality.value
    assert estimate.high - estimate.value == pytest.approx(1.96 * quality.standard_error)
    assert estimate.n == 15
