import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages, ImageSet

PIXELS = np.arange(2 * 1 * 2 * 3, dtype=np.uint8).reshape(2, 1, 2, 3)


def test_arrays_are_an_image_set() -> None:
    images: ImageSet = ArrayImages(PIXELS, np.array([1, 0]), ("a", "b"), "set")
    assert (len(images), images.channels, images.name_of(1)) == (2, 1, "set[1]")
    assert images.sizes().tolist() == [[3, 2], [3, 2]]
    assert images.boxes() is None
    squares = images.read(np.array([1]), np.array([[1.0, 0, 3, 2]]), 2)
    assert squares[0, 0].tolist() == PIXELS[1, 0, :, 1:].tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": PIXELS.astype(float)}, "images must be uint8"),
        ({"pixels": PIXELS[:, :, :0]}, "at least one channel and one pixel"),
        ({"labels": np.array([0])}, "2 images need as many labels"),
        ({"labels": np.array([0, 2])}, "label 2 of image 1 is not in 0…1"),
        ({"object_boxes": [np.zeros((0, 4), np.int64)]}, "as many box lists, got 1"),
    ],
)
def test_arrays_that_do_not_fit_are_rejected(changes, message) -> None:
    arrays = {"pixels": PIXELS, "labels": np.array([0, 1]), "classes": ("a", "b")}
    with pytest.raises(ImprintError, match=message):
        ArrayImages(**arrays | changes)


def test_the_fingerprint_is_of_the_content_not_of_the_name() -> None:
    images = ArrayImages(PIXELS, np.array([1, 0]), ("a", "b"))
    other = ArrayImages(PIXELS, np.array([1, 0]), ("a", "b"), "other")
    assert images.fingerprint() == other.fingerprint()
    assert images.fingerprint() != ArrayImages(PIXELS, np.array([0, 0]), ("a", "b")).fingerprint()
