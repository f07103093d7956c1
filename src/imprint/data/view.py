"""Which images a network is shown, and which square of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.progress import track
from imprint.data.files import stream
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet

READ_AT_ONCE = 1024
"""Images that are read into memory at a time."""


@dataclass(frozen=True, eq=False)
class View:
    """Images as networks see them: a square of each, the centre one unless rectangles say another.

    As a field of a step it stands on the card by the content of its images, its index and its
    squares.

    Attributes:
        images: where pixels and labels come from.
        index: int64 ``[n]``, which of them, in this order.
        centre_fraction: share of the shorter side that the centre square keeps, in (0, 1].
        rectangles: float64 ``[n, 4]``, shown in place of the centre squares.
    """

    images: ImageSet
    index: IntArray
    centre_fraction: float = 1.0
    rectangles: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def labels(self) -> IntArray:
        """The class of each image, int64 ``[n]``."""
        return self.images.labels[self.index]

    @cached_property
    def squares(self) -> FloatArray:
        """The part of each image that is shown, float64 ``[n, 4]``.

        Raises:
            ImprintError: a centre fraction outside (0, 1].
        """
        if self.rectangles is not None:
            return self.rectangles
        whole = whole_rectangles(self.images.sizes()[self.index])
        return centre_squares(whole, self.centre_fraction)

    def rows(self, rows: IntArray | slice) -> View:
        """Return the view of some of its images."""
        rectangles = None if self.rectangles is None else self.rectangles[rows]
        return replace(self, index=self.index[rows], rectangles=rectangles)

    def batches(self, size: int, batch_size: int, what: str) -> Iterator[tuple[slice, Pixels]]:
        """Yield rows and their squares in order, the next decoded while the caller uses these.

        Args:
            size: side of the squares in pixels, that of the network.
            batch_size: squares a batch; the last may be smaller.
            what: a few words for the progress bar.

        Yields:
            a slice of the rows, and uint8 ``[b, channels, size, size]``.

        Raises:
            ImprintError: a file cannot be decoded, or a rectangle is not inside its image.
        """
        batches = stream(self.images, self.index, self.squares, size, batch_size)
        total = -(-len(self) // batch_size)
        for number, pixels in enumerate(track(batches, what, total, "batch")):
            yield slice(number * batch_size, number * batch_size + len(pixels)), pixels

    def read(self, size: int) -> ArrayImages:
        """Return the squares as a set of their own, in memory, of ``size`` pixels a side."""
        images, index, squares = self.images, self.index, self.squares
        pixels = np.empty((len(index), images.channels, size, size), dtype=np.uint8)
        for start in range(0, len(index), READ_AT_ONCE):
            part = slice(start, start + READ_AT_ONCE)
            pixels[part] = images.read(index[part], squares[part], size)
        return ArrayImages(pixels, self.labels, images.classes, images.name)
