"""A single image file as a view, for what is asked about one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.data.encoded.contents import ImageFiles
from imprint.data.encoded.decode import load
from imprint.data.files import EncodedImages
from imprint.data.view import View

REMEDY = "give a whole image file, such as a JPEG or PNG"


def view_of_file(file: Path, channels: int, centre_fraction: float = 1.0) -> View:
    """Return a view of one image file, of any size; it is decoded once, to see that it can be.

    Args:
        file: the image.
        channels: 3 for colour, 1 for grey; the image is converted to that.
        centre_fraction: share of the shorter side that the centre square keeps, in (0, 1].

    Raises:
        ImprintError: the file is missing, damaged, too large or no image.
    """
    size = load(file, channels, REMEDY).size
    images = EncodedImages(
        ImageFiles(file.parent, (file.name,)),
        np.zeros(1, dtype=np.int64),
        ("image",),
        file.name,
        channels,
        known_sizes=np.array([size], dtype=np.int64),
    )
    return View(images, np.zeros(1, dtype=np.int64), centre_fraction)
