"""The image files that cards of the report show: whole images and what networks saw of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imprint.core.arrays import FloatArray, Pixels
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.picture import to_picture

CARD_SIDE = 160
"""Longest side of a card's image, in pixels."""
NEIGHBOUR_SIDE = 64
"""Longest side of a neighbour's image, in pixels."""


def save_whole(
    folder: Path, images: ImageSet, index: int, kind: str, longest: int
) -> Mapping[str, Any]:
    """Write a whole image, at most ``longest`` pixels a side; return its file and true size."""
    width, height = (int(side) for side in images.sizes()[index])
    name = f"{kind}_{index}.png"
    if not (folder / name).exists():
        whole = whole_rectangles([[width, height]])[0]
        _save(folder, name, _read(images, index, whole, longest))
    return {"file": name, "width": width, "height": height}


def save_crop(folder: Path, images: ImageSet, index: int, rectangle: FloatArray) -> str:
    """Write what was seen of an image, at most 160 pixels a side; return the name of the file."""
    return _save(folder, f"crop_{index}.png", _read(images, index, rectangle, CARD_SIDE))


def _read(images: ImageSet, index: int, rectangle: FloatArray, longest: int) -> Pixels:
    """Return a rectangle of an image in its own shape, at most ``longest`` pixels a side."""
    x0, y0, x1, y1 = rectangle
    width, height = max(1, round(x1 - x0)), max(1, round(y1 - y0))
    side = min(longest, max(width, height))
    square = images.read(np.array([index]), rectangle[None], side)[0]
    shrink = side / max(width, height)
    shape = max(1, round(width * shrink)), max(1, round(height * shrink))
    return np.asarray(to_picture(square).resize(shape, Image.Resampling.BILINEAR))


def _save(folder: Path, name: str, pixels: Pixels) -> str:
    Image.fromarray(pixels).save(folder / name)
    return name
