"""Images of any number of channels as pictures."""

import numpy as np
import pytest

from imprint.data.picture import shown_channels, to_picture


@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB"), (12, "RGB")]
)
def test_any_number_of_channels_is_a_picture_of_its_size(channels, mode) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 5, 7)).astype(np.uint8)
    picture = to_picture(pixels)
    assert (picture.mode, picture.size) == (mode, (7, 5))
    if channels >= 3:
        assert np.array_equal(np.moveaxis(np.asarray(picture), -1, 0), pixels[:3])


def test_one_row_of_pixels_stays_a_picture() -> None:
    assert to_picture(np.zeros((1, 1, 9), np.uint8)).size == (9, 1)


def test_two_channels_are_shown_as_their_mean() -> None:
    pixels = np.stack([np.full((2, 2), 10), np.full((2, 2), 31)]).astype(np.uint8)
    assert shown_channels(pixels).tolist() == [[[20, 20], [20, 20]]]
