from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imprint.data.imageset import ArrayImages
from imprint.report.pictures import save_crop, save_whole


@pytest.fixture
def images() -> ArrayImages:
    """One image, 40 × 20 pixels: the left half black, the right half white."""
    pixels = np.zeros((1, 3, 20, 40), np.uint8)
    pixels[:, :, :, 20:] = 255
    return ArrayImages(pixels, np.zeros(1, np.int64), ("cat",))


def test_a_whole_image_is_reduced_in_its_own_shape(images: ArrayImages, tmp_path: Path) -> None:
    saved = save_whole(tmp_path, images, 0, "image", 20)
    assert saved == {"file": "image_0.png", "width": 40, "height": 20}
    with Image.open(tmp_path / "image_0.png") as picture:
        assert picture.size == (20, 10)
        shown = np.asarray(picture.convert("L"))
    assert shown[:, 0].max() == 0
    assert shown[:, -1].min() == 255


def test_a_small_image_is_not_enlarged(images: ArrayImages, tmp_path: Path) -> None:
    save_whole(tmp_path, images, 0, "image", 160)
    with Image.open(tmp_path / "image_0.png") as picture:
        assert picture.size == (40, 20)


def test_a_crop_holds_what_lies_in_its_rectangle_alone(images: ArrayImages, tmp_path: Path) -> None:
    name = save_crop(tmp_path, images, 0, np.array([22.0, 2.0, 38.0, 18.0]))
    with Image.open(tmp_path / name) as picture:
        assert picture.size == (16, 16)
        assert np.asarray(picture).min() == 255
