"""Images that stand twice in a set: a public copy of an attacked image gives it away for free."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from imprint.core.arrays import IntArray, Pixels
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.selected import SelectedImages


def copies(images: ImageSet, wanted: IntArray, among: IntArray) -> IntArray | None:
    """Return which of some images have an exact copy, pixel by pixel, among others.

    Args:
        images: a set in memory, or several as one; None is returned of any other.
        wanted: int64 ``[n]``, indices of images.
        among: int64 ``[m]``, indices of the others.

    Returns:
        int64, those of ``wanted`` with a copy, in their order.
    """
    pixels_of = _pixels_of(images)
    if pixels_of is None:
        return None
    others = {_digest(pixels_of(index)) for index in among.tolist()}
    return np.array(
        [index for index in wanted.tolist() if _digest(pixels_of(index)) in others], dtype=np.int64
    )


def first_copies(images: ArrayImages) -> IntArray:
    """Return for each image the first one with the same pixels: itself where it is no copy.

    Args:
        images: a set in memory.

    Returns:
        int64 ``[n]``.
    """
    first: dict[bytes, int] = {}
    rows = [first.setdefault(_digest(images.pixels[row]), row) for row in range(len(images))]
    return np.array(rows, dtype=np.int64)


def _pixels_of(images: ImageSet) -> Callable[[int], Pixels] | None:
    """Return what gives the pixels of one image; None where these are not in memory."""
    if isinstance(images, ArrayImages):
        return lambda index: images.pixels[index]
    if isinstance(images, SelectedImages):
        source, rows = _pixels_of(images.source), images.rows
        return None if source is None else lambda index: source(int(rows[index]))
    if isinstance(images, JoinedImages):
        first, second = _pixels_of(images.first), _pixels_of(images.second)
        if first is None or second is None:
            return None
        count = len(images.first)
        return lambda index: first(index) if index < count else second(index - count)
    return None


def _digest(pixels: Pixels) -> bytes:
    content = repr(pixels.shape).encode() + pixels.tobytes()
    return hashlib.blake2b(content, digest_size=16).digest()
