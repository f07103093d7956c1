"""Fixed squares of the images of a set, as a set of images of their own.

A read composes two rectangles, the square in its image and the part asked for in the square, and
asks the images for the result. So a crop that a classifier is trained on comes from the same
pixels by the same resampler as the one an encoder is attacked with: no file, no second rounding,
no compression in between (dejavu spec §10, T12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.study.fingerprint import joined_fingerprint
from imprint.study.hashing import hash_arrays, hash_json

IN_MEMORY_LIMIT = 1 << 30


@dataclass(frozen=True)
class CroppedImages:
    """One square of each of some images; row i is the square of image ``index[i]``.

    Args:
        images: where pixels and labels come from.
        index: int64 ``[n]``.
        squares: float64 ``[n, 4]`` (x0, y0, x1, y1), in pixels of each image.

    Raises:
        ImprintError: not one square an image, or a rectangle that is no square.
    """

    images: ImageSet
    index: IntArray
    squares: FloatArray

    def __post_init__(self) -> None:
        if self.squares.shape != (len(self.index), 4):
            raise ImprintError(
                f"{len(self.index)} images need as many squares, "
                f"got shape {list(self.squares.shape)}"
            )
        sides = self.squares[:, 2:] - self.squares[:, :2]
        if not (np.abs(sides[:, 0] - sides[:, 1]) <= 1e-6).all() or not (sides > 0).all():
            raise ImprintError("crops must be squares of a positive side")

    @property
    def name(self) -> str:
        """What the set is called."""
        return f"crops of {self.images.name}"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the images."""
        return self.images.classes

    @property
    def labels(self) -> IntArray:
        """The class of every crop, int64 ``[n]``."""
        return self.images.labels[self.index]

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.images.channels

    def __len__(self) -> int:
        return len(self.index)

    def name_of(self, index: int) -> str:
        """Return the name of the image a crop is of."""
        return self.images.name_of(int(self.index[index]))

    def sizes(self) -> IntArray:
        """Return the sides of every crop in pixels, rounded up, int64 ``[n, 2]``."""
        sides = np.ceil(self._sides() - 1e-9).astype(np.int64)
        return np.stack([sides, sides], axis=1)

    def boxes(self) -> Sequence[IntArray] | None:
        """Return None: a background crop has no objects."""
        return None

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of crops, in pixels of the crops, as squares.

        Args:
            indices: int64 ``[b]``, rows of this set.
            rectangles: float64 ``[b, 4]``.
            size: side of the square in pixels.

        Returns:
            uint8 ``[b, channels, size, size]``.
        """
        sides = self.sizes()[indices, 0]
        scale = np.where(sides > 0, self._sides()[indices] / sides, 1.0)[:, None]
        corners = np.tile(self.squares[indices, :2], 2)
        return self.images.read(self.index[indices], corners + rectangles * scale, size)

    def fingerprint(self) -> str:
        """Return the hash of the images' fingerprint and the squares."""
        whole = self.images.fingerprint()
        value = hash_json([whole, hash_arrays(self.index, self.squares)])
        return joined_fingerprint([whole], value)

    def _sides(self) -> FloatArray:
        return self.squares[:, 2] - self.squares[:, 0]


def crops_in_memory(crops: CroppedImages, size: int, limit: int = IN_MEMORY_LIMIT) -> ImageSet:
    """Return the crops as arrays of one size where they fit into memory; else unchanged.

    Args:
        crops: the crops.
        size: side they are resampled to, in pixels.
        limit: bytes of pixels that may be held.
    """
    if len(crops) * crops.channels * size * size > limit:
        return crops
    return ArrayImages(
        crops.images.read(crops.index, crops.squares, size),
        crops.labels,
        crops.classes,
        crops.name,
    )
