import math

import pytest

from imprint.report.figures.limits import axis_range, finite
from imprint.report.marks import Axis


def test_what_is_not_finite_is_left_out() -> None:
    assert finite([1, math.nan, math.inf, -2]) == [1, -2]
    assert finite(3.0) == [3]
    assert finite([]) == []


def test_an_axis_holds_its_values_with_room_at_both_ends() -> None:
    assert axis_range(Axis("x"), [0, 10], 0.1) == (-1, 11)
    assert axis_range(Axis("x"), [0, 10], 0.0) == (0, 10)
    assert axis_range(Axis("x", low=0, high=20), [3, 10], 0.1) == (0, 20)


def test_room_on_a_logarithmic_axis_is_a_factor() -> None:
    low, high = axis_range(Axis("x", log=True), [-1, 0, 1, 100], 0.5)
    assert (low, high) == pytest.approx((0.1, 1000))


@pytest.mark.parametrize("values", [[], [0.0], [5.0], [1e-300, 1e300]])
@pytest.mark.parametrize("log", [False, True])
def test_any_values_give_an_axis_of_some_length(values: list[float], log: bool) -> None:
    low, high = axis_range(Axis("x", log=log), values, 0.05)
    assert low < high
    assert not log or low > 0
