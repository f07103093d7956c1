import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.centre import centre_images
from imprint.data.imageset import ArrayImages


def test_centre_squares_keep_the_order_of_the_indices():
    pixels = np.zeros((3, 1, 4, 8), dtype=np.uint8)
    pixels[:, :, :, 2:6] = np.array([10, 20, 30])[:, None, None, None]
    images = ArrayImages(pixels, np.array([0, 1, 0]), ("a", "b"))
    squares = centre_images(images, np.array([2, 1]), 2, 1.0)
    assert squares.pixels.reshape(2, -1).tolist() == [[30] * 4, [20] * 4]
    assert squares.labels.tolist() == [0, 1]


def test_centre_fraction_leaves_out_the_margin():
    pixels = np.full((1, 1, 8, 10), 99, dtype=np.uint8)
    pixels[:, :, 2:6, 3:7] = 10
    images = ArrayImages(pixels, np.array([0]), ("a",))
    assert (centre_images(images, np.array([0]), 4, 0.5).pixels == 10).all()
    assert (centre_images(images, np.array([0]), 4, 1.0).pixels > 10).all()
    with pytest.raises(ImprintError, match=r"centre fraction 1.5 must lie in \(0, 1\]"):
        centre_images(images, np.array([0]), 4, 1.5)
