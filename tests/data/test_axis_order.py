"""Which axis holds the channels."""

import pytest

from imprint.data.axis_order import channel_order


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 3, 32, 32), "first"),
        ((5, 32, 32, 3), "last"),
        ((5, 1, 28, 28), "first"),
        ((5, 28, 28, 1), "last"),
        ((5, 3, 8, 3), "first"),
        ((5, 3, 20, 30), "first"),
        ((5, 20, 30, 3), "last"),
        ((5, 12, 64, 64), "first"),
        ((5, 64, 64, 12), "last"),
        ((5, 64, 8, 8), "first"),
        ((5, 4, 20, 30), None),
        ((5, 8, 8, 8), None),
    ],
)
def test_channels_are_recognised_by_their_number_or_by_two_equal_sides(shape, expected) -> None:
    assert channel_order(shape) == expected
