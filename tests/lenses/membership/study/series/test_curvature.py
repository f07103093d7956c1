import numpy as np
import pytest

from imprint.lenses.membership.study.series.curvature import MeasuredCurvature, share_at_floor


def test_values_at_the_floor_are_counted_by_side():
    floor = np.zeros((4, 1, 6))
    masks = np.array([[True, True, True, False, False, False]] * 4)
    values = floor + np.random.default_rng(0).random((4, 1, 6)) + 0.1
    values[:, :, 0] = 0.0
    values[0, :, 3] = 0.0
    measured = MeasuredCurvature(values, floor, np.zeros((4, 1, 0)))
    share = share_at_floor(measured, masks)
    assert share.members == pytest.approx(1 / 3)
    assert share.non_members == pytest.approx(1 / 12)
