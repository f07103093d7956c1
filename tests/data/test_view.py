import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.view import View


def test_centre_squares_keep_the_order_of_the_indices():
    pixels = np.zeros((3, 1, 4, 8), dtype=np.uint8)
    pixels[:, :, :, 2:6] = np.array([10, 20, 30])[:, None, None, None]
    images = ArrayImages(pixels, np.array([0, 1, 0]), ("a", "b"))
    squares = View(images, np.array([2, 1]), 1.0).read(2)
    assert squares.pixels.reshape(2, -1).tolist() == [[30] * 4, [20] * 4]
    assert squares.labels.tolist() == [0, 1]


def test_centre_fraction_leaves_out_the_margin():
    pixels = np.full((1, 1, 8, 10), 99, dtype=np.uint8)
    pixels[:, :, 2:6, 3:7] = 10
    images = ArrayImages(pixels, np.array([0]), ("a",))
    assert (View(images, np.array([0]), 0.5).read(4).pixels == 10).all()
    assert (View(images, np.array([0]), 1.0).read(4).pixels > 10).all()
    with pytest.raises(ImprintError, match=r"centre fraction 1.5 must lie in \(0, 1\]"):
        View(images, np.array([0]), 1.5).read(4)


def test_batches_are_the_rows_in_order():
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    images = ArrayImages(pixels, np.array([0, 1, 0, 1, 0]), ("a", "b"))
    view = View(images, np.array([4, 0, 3]))
    parts = [(rows, squares[:, 0, 0, 0].tolist()) for rows, squares in view.batches(2, 2, "read")]
    assert parts == [(slice(0, 2), [4, 0]), (slice(2, 3), [3])]
    assert view.labels.tolist() == [0, 0, 1]
    assert len(view.rows(np.array([2]))) == 1
    assert view.rows(np.array([2])).index.tolist() == [3]


def test_rectangles_stand_in_for_the_centre():
    pixels = np.zeros((1, 1, 4, 4), dtype=np.uint8)
    pixels[:, :, :2, :2] = 8
    images = ArrayImages(pixels, np.array([0]), ("a",))
    view = View(images, np.array([0]), rectangles=np.array([[0.0, 0, 2, 2]]))
    assert (view.read(2).pixels == 8).all()
    assert view.rows(slice(0, 1)).squares.tolist() == [[0, 0, 2, 2]]
