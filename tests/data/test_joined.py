import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.joined import JoinedImages


def images(count, classes=("ant", "bee"), side=4, channels=3, first=0):
    pixels = np.arange(first, first + count, dtype=np.uint8)[:, None, None, None]
    pixels = np.tile(pixels, (1, channels, side, side))
    return ArrayImages(pixels, np.arange(count) % len(classes), classes, f"set {first}")


def test_images_of_both_sets_are_read_in_any_order():
    joined = JoinedImages(images(3), images(4, side=6, first=100), "both")
    assert isinstance(joined, ImageSet)
    assert len(joined) == 7
    assert joined.sizes().tolist() == [[4, 4]] * 3 + [[6, 6]] * 4
    index = np.array([5, 0, 3, 2])
    squares = joined.read(index, whole_rectangles(joined.sizes()[index]), 2)
    assert squares.shape == (4, 3, 2, 2)
    assert squares[:, 0, 0, 0].tolist() == [102, 0, 100, 2]
    assert joined.name_of(2) == "set 0[2]"
    assert joined.name_of(3) == "set 100[0]"
    assert joined.boxes() is None


def test_classes_meet_by_name():
    joined = JoinedImages(images(2), images(3, classes=("bee",)), "both")
    assert joined.labels.tolist() == [0, 1, 1, 1, 1]


def test_the_fingerprint_tells_the_sets_and_their_order():
    one, other = images(2), images(3, first=7)
    prints = {
        JoinedImages(*pair, "x").fingerprint() for pair in ((one, other), (other, one), (one, one))
    }
    assert len(prints) == 3


def test_sets_that_do_not_fit_are_rejected():
    with pytest.raises(ImprintError, match="set 9 has the class 'cat', which set 0 does not have"):
        JoinedImages(images(2), images(2, classes=("bee", "cat"), first=9), "both")
    with pytest.raises(ImprintError, match="set 0 has 3 channels and set 9 1"):
        JoinedImages(images(2), images(2, channels=1, first=9), "both")
