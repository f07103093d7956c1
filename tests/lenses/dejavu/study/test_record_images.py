"""Images of records: members first, read as pixels or as inputs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from imprint.data.imageset import ArrayImages
from imprint.data.records.records import ArrayRows, ImageRows, Records
from imprint.data.view import View
from imprint.lenses.dejavu.study.record_images import RecordImages, why_no_images

WHOLE = np.array([[0.0, 0.0, 8.0, 8.0]])


def records(pixels: NDArray[np.generic], name: str = "records") -> Records:
    """Return one class of pictures in an array."""
    labels = np.zeros(len(pixels), dtype=np.int64)
    return Records(ArrayRows(pixels), labels, classes=("a",), name=name)


def viewed(pixels: NDArray[np.uint8], index: list[int]) -> Records:
    """Return some pictures of a set."""
    images = ArrayImages(pixels, np.zeros(len(pixels), np.int64), ("a",), "set")
    view = View(images, np.array(index))
    return Records(ImageRows(view, 8), view.labels, classes=("a",), images=view)


def test_index_counts_members_then_non_members_of_whatever_source() -> None:
    pixels = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8), np.uint8)
    images = RecordImages(viewed(pixels, [3, 1]), records(pixels[:2] + 10, "others"))
    read = images.read(np.array([3, 0, 2, 1]), WHOLE.repeat(4, 0), 8)
    assert read[:, 0, 0, 0].tolist() == [11, 3, 10, 1]
    assert (len(images), images.name_of(0), images.name_of(3)) == (4, "set[3]", "others[1]")
    assert images.sizes().tolist() == [[8, 8]] * 4


def test_floats_between_0_and_1_are_pixels_of_255() -> None:
    half = records(np.full((2, 1, 8, 8), 0.5, np.float32))
    images = RecordImages(half, half)
    assert not images.stretched
    assert images.read(np.array([0]), WHOLE, 4).max() == 128
    assert images.read_inputs(np.array([0]), WHOLE).max() == 0.5


def test_normalised_images_are_stretched_for_pictures_alone() -> None:
    values = np.full((2, 1, 8, 8), -1.0, np.float32)
    values[1] = 3
    images = RecordImages(records(values), records(values))
    assert images.stretched
    read = images.read(np.array([0, 1]), WHOLE.repeat(2, 0), 4)
    assert [int(each.max()) for each in read] == [0, 255]
    assert images.read_inputs(np.array([1]), WHOLE).max() == pytest.approx(3)


def test_crop_of_a_normalised_image_is_the_normalised_crop() -> None:
    pixels = np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float32)
    plain, normalised = records(pixels), records((pixels - 0.3) / 0.2)
    corner = np.array([[0.0, 5.0, 3.0, 8.0]])
    crops = [
        RecordImages(each, each).read_inputs(np.array([0]), corner) for each in (plain, normalised)
    ]
    assert crops[1] == pytest.approx((crops[0] - 0.3) / 0.2, abs=1e-5)


def test_only_square_pictures_are_images() -> None:
    assert why_no_images(records(np.zeros((2, 3, 8, 8), np.uint8))) is None
    assert why_no_images(records(np.zeros((2, 5, 8, 8), np.uint8))) == "needs images"
    assert why_no_images(records(np.zeros((2, 1, 4, 4), np.uint8))) == "needs images"
    assert "int64" in str(why_no_images(records(np.zeros((2, 1, 8, 8), np.int64))))
