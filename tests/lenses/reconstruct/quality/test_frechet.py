from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.quality.frechet import frechet_quality

RANDOM = np.random.default_rng(0)


def test_distance_is_that_of_the_matrix_root() -> None:
    real, generated = RANDOM.normal(size=(200, 6)), RANDOM.normal(size=(150, 6)) * 1.5 + 0.3
    first, second = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    means = ((real.mean(0) - generated.mean(0)) ** 2).sum()
    expected = means + np.trace(first + second - 2 * sqrtm(first @ second).real)
    assert frechet_quality(real, generated).value == pytest.approx(expected, rel=1e-9)


def test_equal_sets_are_at_distance_0_even_of_fewer_images_than_features() -> None:
    for shape in ((400, 32), (20, 64)):
        features = RANDOM.normal(size=shape)
        assert frechet_quality(features, features[::-1]).value == pytest.approx(0, abs=1e-9)


def test_distance_of_normal_sets_approaches_the_closed_form() -> None:
    # Diagonal covariances: the sum of (μ₁ − μ₂)² + (σ₁ − σ₂)² over features.
    real = RANDOM.normal(size=(40_000, 3)) * [1.0, 2.0, 3.0]
    generated = RANDOM.normal(size=(40_000, 3)) * [2.0, 2.0, 1.0] + [1.0, 0.0, 0.0]
    assert frechet_quality(real, generated, splits=1).value == pytest.approx(1 + 1 + 4, rel=0.03)


def test_floor_is_that_of_images_of_one_distribution() -> None:
    real, generated = RANDOM.normal(size=(300, 20)), RANDOM.normal(size=(300, 20))
    quality = frechet_quality(real, generated, splits=8)
    assert quality.half == 150
    assert quality.floor_range[0] <= quality.floor <= quality.floor_range[1]
    # Half of the images: about twice the bias, generated images or real ones alike.
    assert 1.5 * quality.value < quality.floor < 3 * quality.value
    assert abs(quality.excess) < 0.25 * quality.floor


def test_bootstrap_of_the_distance_lies_above_it() -> None:
    """Why there is a floor and no interval: even the true distance, 0, is far below."""
    real, generated = RANDOM.normal(size=(200, 20)), RANDOM.normal(size=(200, 20))
    value = frechet_quality(real, generated, splits=1).value
    drawn = [
        frechet_quality(
            real[RANDOM.integers(0, 200, 200)], generated[RANDOM.integers(0, 200, 200)], splits=1
        ).value
        for _ in range(40)
    ]
    assert np.quantile(drawn, 0.025) > value > 0


def test_distance_of_shifted_images_stands_out_of_the_floor() -> None:
    real, generated = RANDOM.normal(size=(300, 10)), RANDOM.normal(size=(300, 10)) + 0.5
    quality = frechet_quality(real, generated)
    assert quality.at_half > quality.floor_range[1]
    assert quality.excess == pytest.approx(10 * 0.25, rel=0.35)


def test_no_splits_are_refused() -> None:
    with pytest.raises(ImprintError, match="choose at least 1"):
        frechet_quality(np.zeros((4, 2)), np.zeros((4, 2)), splits=0)
