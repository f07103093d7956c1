"""Folders of images, and array files of them, in any layout that imprint reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.open import open_images
from imprint.data.records.records import ImageRows
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.view import View


def open_image_path(path: Path, reading: Reading) -> Content:
    """Return the images at a path as squares of the model's size.

    Raises:
        ImprintError: no images there, or images of several sizes and no size to read them at.
    """
    images = open_images(path, part=reading.part)
    view = View(images, np.arange(len(images), dtype=np.int64))
    size = reading.image_size or _common_size(images.sizes(), path)
    names = [images.name_of(index) for index in range(len(images))]
    return Content(ImageRows(view, size), images.labels, images.classes, names=names, images=view)


def _common_size(sizes: np.ndarray[Any, np.dtype[np.int64]], path: Path) -> int:
    sides = np.unique(sizes.min(axis=1))
    if len(sides) == 1:
        return int(sides[0])
    raise ImprintError(
        f"images of {path} have {len(sides)} sizes, {sides[0]} to {sides[-1]} pixels: say the side "
        "that the model takes (image_size)"
    )


def _recognises(source: Any) -> bool:
    return isinstance(source, str | os.PathLike)


def _open(source: Any, reading: Reading) -> Content:
    return open_image_path(Path(source), reading)


RECORD_SOURCES.register("images")(
    RecordSource(_recognises, _open, 80, "the path of a folder of images")
)
