from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from imprint.lenses.reconstruct.quality import balls
from imprint.lenses.reconstruct.quality.balls import Distances, squared_radii

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("block", [1, 17, 1 << 20])
def test_radii_are_those_of_all_distances(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(balls, "BLOCK_VALUES", block)
    vectors = RANDOM.integers(0, 3, size=(40, 3)) + 1e6
    squares = cdist(vectors, vectors, "sqeuclidean")
    np.fill_diagonal(squares, np.inf)
    for k in (1, 3, 39):
        assert np.array_equal(squared_radii(vectors, k), np.sort(squares, axis=1)[:, k - 1])


def test_copies_have_no_radius() -> None:
    assert squared_radii(np.full((4, 2), 0.1), 3).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e15])
def test_error_bounds_every_distance(offset: float, scale: float) -> None:
    rows = (RANDOM.normal(size=(30, 50)) + offset) * scale
    columns = (RANDOM.normal(size=(20, 50)) + offset) * scale
    distances = Distances(rows, columns)
    exact = cdist(rows.astype(np.longdouble), columns, "sqeuclidean")
    ((start, squares),) = distances.blocks("test")
    assert start == 0
    assert np.abs(squares - exact).max() <= distances.error
    assert distances.error < 1e-9 * exact.max()


def test_settled_distances_are_those_of_differences() -> None:
    rows = RANDOM.normal(size=(5, 4)) + 1e7
    distances = Distances(rows, rows)
    ((start, squares),) = distances.blocks("test")
    distances.settle(start, squares, np.eye(5, dtype=bool))
    assert np.diagonal(squares).tolist() == [0] * 5
