"""Images that stand twice in a set: a public copy of an attacked image gives it away for free."""

from __future__ import annotations

import hashlib

import numpy as np

from imprint.core.arrays import IntArray
from imprint.data.imageset import ArrayImages


def copies(images: ArrayImages, wanted: IntArray, among: IntArray) -> IntArray:
    """Return which of some images have an exact copy, pixel by pixel, among others.

    Args:
        images: a set in memory.
        wanted: int64 ``[n]``, indices of images.
        among: int64 ``[m]``, indices of the others.

    Returns:
        int64, those of ``wanted`` with a copy, in their order.
    """
    others = {_digest(images, index) for index in among}
    return np.array([index for index in wanted if _digest(images, index) in others], dtype=np.int64)


def first_copies(images: ArrayImages) -> IntArray:
    """Return for each image the first one with the same pixels: itself where it is no copy.

    Args:
        images: a set in memory.

    Returns:
        int64 ``[n]``.
    """
    first: dict[bytes, int] = {}
    rows = [first.setdefault(_digest(images, row), row) for row in range(len(images))]
    return np.array(rows, dtype=np.int64)


def _digest(images: ArrayImages, index: int) -> bytes:
    return hashlib.blake2b(images.pixels[index].tobytes(), digest_size=16).digest()
