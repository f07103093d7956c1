import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.cropped import CroppedImages, crops_in_memory
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.sources.composite import composite

IMAGES = composite(40)
INDEX = np.array([3, 17, 30])
SQUARES = np.array([[0, 4, 14.5, 18.5], [2, 2, 30, 30], [18, 0, 32, 14]], dtype=float)
CROPS = CroppedImages(IMAGES, INDEX, SQUARES)


def test_the_whole_crop_is_what_is_attacked_bit_for_bit():
    whole = centre_squares(whole_rectangles(CROPS.sizes()))
    found = CROPS.read(np.arange(3), whole, 32)
    np.testing.assert_array_equal(found, IMAGES.read(INDEX, SQUARES, 32))


def test_a_part_of_a_crop_is_that_part_of_the_image():
    found = CROPS.read(np.array([2]), np.array([[7.0, 0, 14, 7]]), 16)
    expected = IMAGES.read(np.array([30]), np.array([[25.0, 0, 32, 7]]), 16)
    np.testing.assert_array_equal(found, expected)


def test_it_is_a_set_of_images():
    assert isinstance(CROPS, ImageSet)
    assert CROPS.labels.tolist() == [3, 7, 0]
    assert CROPS.sizes().tolist() == [[15, 15], [28, 28], [14, 14]]
    assert CROPS.name_of(1) == "composite[17]"
    assert len(CROPS) == 3


def test_other_squares_have_another_fingerprint():
    other = CroppedImages(IMAGES, INDEX, SQUARES + np.array([1, 0, 1, 0]))
    assert CROPS.fingerprint() != other.fingerprint()


def test_small_sets_come_into_memory():
    held = crops_in_memory(CROPS, 32)
    np.testing.assert_array_equal(held.pixels, IMAGES.read(INDEX, SQUARES, 32))
    assert crops_in_memory(CROPS, 32, limit=100) is CROPS


def test_what_is_no_square_is_refused():
    with pytest.raises(ImprintError, match="squares"):
        CroppedImages(IMAGES, INDEX, SQUARES[:2])
    with pytest.raises(ImprintError, match="squares of a positive side"):
        CroppedImages(IMAGES, INDEX, SQUARES + np.array([0, 0, 1, 0]))
