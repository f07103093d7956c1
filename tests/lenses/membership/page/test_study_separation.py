import numpy as np
import pytest

from imprint.lenses.membership.page.study_separation import GRID, separation, through
from imprint.lenses.membership.privacy.theory import kl_curvature


def test_a_shape_goes_through_the_last_point_that_was_found():
    at = np.array([1.0, 2.0, 4.0])
    x = np.geomspace(1, 4, GRID)
    shape = kl_curvature(np.concatenate([x, at]), 1.0, 1.0)
    curve = through(shape, at, {"base": at, "curvature_lr": np.array([0.1, 0.3, np.nan])})
    assert np.interp(2.0, x, curve) == pytest.approx(0.3, rel=1e-3)
    assert curve[-1] / curve[0] == pytest.approx(shape[GRID - 1] / shape[0])
    assert len(through(shape, at, {"base": at})) == 0


def test_a_separation_gives_the_area_back():
    random = np.random.default_rng(0)
    distance = np.sqrt(2 * separation(0.76))
    inside, outside = random.normal(distance, 1, 200_000), random.normal(0, 1, 200_000)
    assert (inside > outside).mean() == pytest.approx(0.76, abs=0.004)
    assert np.isnan(separation(0.5))
    assert np.isnan(separation(0.4))
