from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from imprint.core.errors import ImprintError
from imprint.stats.frechet import frechet_distance

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "m", "d"), [(60, 40, 5), (4, 60, 9), (3, 4, 9)])
def test_it_is_that_of_the_matrix_root(n: int, m: int, d: int) -> None:
    a, b = RANDOM.normal(size=(n, d)), RANDOM.normal(size=(m, d)) * 2 + 1
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    # The root of a singular product is ill-conditioned: its eigenvalues are not.
    roots = np.sqrt(np.maximum(np.linalg.eigvals(first @ second).real, 0)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second) - 2 * roots
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    if min(n, m) > d:
        root = np.trace(sqrtm(first @ second)).real
        assert roots == pytest.approx(root)


def test_equal_sets_have_none_and_order_does_not_matter() -> None:
    a, b = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(30, 4))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, a + 3) == pytest.approx(4 * 9)


@pytest.mark.parametrize("shape", [(1, 3), (5, 2)])
def test_sets_that_do_not_fit_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ImprintError, match="Fréchet distance"):
        frechet_distance(np.zeros((4, 3)), np.zeros(shape))


def test_many_vectors_cost_no_more_than_their_dimensions_allow() -> None:
    """Whole, the product of 30,000 vectors with as many would hold 7 GB."""
    vectors = RANDOM.normal(size=(30_000, 2))
    assert frechet_distance(vectors, vectors + np.array([1.0, 0.0])) == pytest.approx(1)


def test_vectors_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ImprintError, match="finite"):
        frechet_distance(np.full((4, 3), np.nan), np.zeros((4, 3)))
