"""Images of any number of channels as pictures that can be saved and seen."""

from __future__ import annotations

import numpy as np
from PIL import Image

from imprint.core.arrays import Pixels

RGB = 3


def shown_channels(pixels: Pixels) -> Pixels:
    """Return the channels of images that a picture shows, on the axis third from the end.

    Three or more: the first three, as red, green and blue. Two: their mean, in grey.

    >>> shown_channels(np.zeros((12, 5, 5), np.uint8)).shape
    (3, 5, 5)

    Args:
        pixels: uint8 ``[…, channels, H, W]``.

    Returns:
        uint8 ``[…, 1 or 3, H, W]``.
    """
    channels = pixels.shape[-3]
    if channels >= RGB:
        return pixels[..., :RGB, :, :]
    if channels == 1:
        return pixels
    return np.asarray(np.rint(pixels.mean(axis=-3, keepdims=True)), dtype=np.uint8)


def to_picture(pixels: Pixels) -> Image.Image:
    """Return an image uint8 ``[channels, H, W]`` as a picture, in grey or RGB."""
    shown = np.moveaxis(shown_channels(pixels), 0, -1)
    return Image.fromarray(np.ascontiguousarray(shown[..., 0] if shown.shape[-1] == 1 else shown))
