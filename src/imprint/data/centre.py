"""Images as networks see them: the centre square of each, read at the network's size."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet

READ_AT_ONCE = 1024


def seen_squares(images: ImageSet, index: IntArray, centre_fraction: float) -> FloatArray:
    """Return the square of each image that networks see, float64 ``[n, 4]``."""
    return centre_squares(whole_rectangles(images.sizes()[index]), centre_fraction)


def centre_images(
    images: ImageSet, index: IntArray, size: int, centre_fraction: float
) -> ArrayImages:
    """Return the centre squares of some images as a set of their own, in memory.

    Args:
        images: where they come from.
        index: int64 ``[n]``, which of them, in the order of the new set.
        size: side of the squares in pixels, that of the network.
        centre_fraction: share of the shorter side that is seen, in (0, 1].
    """
    squares = seen_squares(images, index, centre_fraction)
    pixels = np.empty((len(index), images.channels, size, size), dtype=np.uint8)
    for start in range(0, len(index), READ_AT_ONCE):
        part = slice(start, start + READ_AT_ONCE)
        pixels[part] = images.read(index[part], squares[part], size)
    return ArrayImages(pixels, images.labels[index], images.classes, images.name)
