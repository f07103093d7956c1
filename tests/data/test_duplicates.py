import numpy as np

from imprint.data.duplicates import copies, first_copies
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.data.selected import of_classes
from imprint.data.sources.composite import composite


def test_copies_are_found_to_the_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    pixels[4] = pixels[1]
    pixels[5] = pixels[0]
    pixels[5, 0, 0, 0] ^= 1
    images = ArrayImages(pixels, np.zeros(6, dtype=np.int64), ("a",))
    assert copies(images, np.array([0, 1, 2]), np.array([3, 4, 5])).tolist() == [1]


def test_the_embedded_images_are_all_different():
    images = composite(960)
    index = np.arange(960)
    for first in (index[:480], index[480:]):
        assert len(copies(images, first, np.setdiff1d(index, first))) == 0


def test_first_copies_name_the_first_image_of_the_same_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    pixels[4] = pixels[1]
    pixels[5] = pixels[1]
    images = ArrayImages(pixels, np.zeros(6, dtype=np.int64), ("a",))
    assert first_copies(images).tolist() == [0, 1, 2, 3, 1, 1]


def test_copies_are_found_across_two_sets_in_memory():
    pixels = np.random.default_rng(0).integers(0, 255, (6, 3, 4, 4)).astype(np.uint8)
    labels = np.zeros(3, dtype=np.int64)
    first = ArrayImages(pixels[:3], labels, ("a",), "first")
    second = ArrayImages(pixels[[3, 1, 4]], labels, ("a",), "second")
    joined = JoinedImages(first, of_classes(second, ("a",), np.arange(3)), "both")
    assert copies(joined, np.arange(3), np.arange(3, 6)).tolist() == [1]
