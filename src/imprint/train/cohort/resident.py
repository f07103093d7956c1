"""A whole image set at the size of the network, held as bytes on the device that trains.

One copy serves every model of a cohort: each batch is a gather of its rows. Worker processes map
one file, so that they share one copy as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import IntArray, Pixels
from imprint.core.durable import replacing
from imprint.core.progress import track
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet

READ_AT_ONCE = 1024


@dataclass(frozen=True)
class Resident:
    """Pixels and labels of every image of a set.

    Attributes:
        pixels: uint8 ``[n, C, S, S]``.
        labels: int64 ``[n]``, on the same device.
    """

    pixels: torch.Tensor
    labels: torch.Tensor

    @property
    def device(self) -> torch.device:
        """Where both lie."""
        return self.pixels.device

    def to(self, device: torch.device) -> Resident:
        """Return the set on a device."""
        return Resident(self.pixels.to(device), self.labels.to(device))

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.pixels.shape[3]


def load_resident(images: ImageSet, size: int, device: torch.device) -> Resident:
    """Return the centre squares of all images of a set, resampled once to ``size`` × ``size``."""
    pixels = torch.from_numpy(_squares(images, size)).to(device)
    return Resident(pixels, torch.from_numpy(images.labels).to(device))


def write_resident(folder: Path, data: Resident) -> None:
    """Write what :func:`map_resident` maps.

    Raises:
        ImprintError: the disk is full, or the folder cannot be written.
    """
    for name, tensor in (("pixels", data.pixels), ("labels", data.labels)):
        with replacing(folder / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, tensor.cpu().numpy(), allow_pickle=False)


def map_resident(folder: Path) -> Resident:
    """Return the set that :func:`write_resident` wrote, read page by page as it is used."""
    # Mapped copy-on-write: torch takes no array that it might not write to.
    pixels, labels = (
        np.load(folder / f"{name}.npy", mmap_mode="c") for name in ("pixels", "labels")
    )
    return Resident(torch.from_numpy(pixels), torch.from_numpy(labels))


def _squares(images: ImageSet, size: int) -> Pixels:
    if isinstance(images, ArrayImages) and images.pixels.shape[2:] == (size, size):
        return images.pixels
    rectangles = centre_squares(whole_rectangles(images.sizes()))
    squares = np.empty((len(images), images.channels, size, size), dtype=np.uint8)
    starts = range(0, len(images), READ_AT_ONCE)
    for start in track(starts, f"read {images.name}", len(starts), "block"):
        rows: IntArray = np.arange(start, min(start + READ_AT_ONCE, len(images)), dtype=np.int64)
        squares[rows] = images.read(rows, rectangles[rows], size)
    return squares
