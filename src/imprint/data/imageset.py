"""What every source of images gives: an integer index, pixels, a label, boxes.

The index of an example is its position among sorted class folders, then sorted file names (for
arrays: its row). It never changes, and every table and file of a study refers to it.

One read does everything: *rectangle → square*. A whole image, a background crop and a random
resized crop differ in their rectangle alone (:mod:`imprint.data.geometry`), so no two parts of
an audit can disagree about how pixels are resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from imprint.core.arrays import FloatArray as FloatArray
from imprint.core.arrays import IntArray as IntArray
from imprint.core.arrays import Pixels as Pixels
from imprint.core.errors import ImprintError
from imprint.study.fingerprint import Fingerprint, array_digests, fingerprint_of

BoxEnds = Literal["exclusive", "inclusive"]


@runtime_checkable
class ImageSet(Protocol):
    """A labelled set of images, read by index."""

    @property
    def name(self) -> str:
        """What the set is called in reports."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """One name a class; labels index it."""
        ...

    @property
    def labels(self) -> IntArray:
        """The class of every image, int64 ``[n]``."""
        ...

    @property
    def channels(self) -> int:
        """At least 1, the same for every image of the set; 1 or 3 of image files."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def name_of(self, index: int) -> str:
        """Return the name of one image, as in messages: a relative path or ``name[row]``."""
        ...

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        ...

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the object boxes, or None for a set that has none at all.

        One int64 ``[m, 4]`` array an image (x0, y0, x1, y1 in its own pixels; x1, y1 exclusive);
        ``m = 0`` where an image is not annotated.
        """
        ...

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return the given rectangles of the given images, resampled to squares.

        Args:
            indices: int64 ``[b]``.
            rectangles: float64 ``[b, 4]`` (x0, y0, x1, y1), in pixels of each image.
            size: side of the square in pixels.

        Returns:
            uint8 ``[b, channels, size, size]``, bilinear with antialiasing.
        """
        ...

    def fingerprint(self) -> str:
        """Return a hash of all that the set holds: names, content, labels, classes and boxes.

        A :class:`imprint.study.fingerprint.Fingerprint` also knows the hash of each image.
        """
        ...


@dataclass(frozen=True)
class BoxReading:
    """How object boxes were taken from what is written.

    Attributes:
        ends: whether x1 and y1, as written, are the last column and row of a box (``inclusive``) or
            one beyond (``exclusive``).
        margin: pixels by which each box was grown on all sides, within its image.
    """

    ends: str
    margin: int


@dataclass(frozen=True)
class ArrayImages:
    """Images of one size, held in memory.

    Args:
        pixels: uint8 ``[n, channels, H, W]``.
        labels: int64 ``[n]``, each in [0, number of classes).
        classes: one name a class.
        name: what the set is called.
        object_boxes: one ``[m, 4]`` array an image, or None.
        box_reading: how boxes were taken from what is written; None without boxes.

    Raises:
        ImprintError: shapes, types or labels do not fit.
    """

    pixels: Pixels
    labels: IntArray
    classes: tuple[str, ...]
    name: str = "arrays"
    object_boxes: Sequence[IntArray] | None = field(default=None, repr=False)
    box_reading: BoxReading | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8:
            raise ImprintError(
                f"{self.name}: images must be uint8 [n, channels, height, width], "
                f"got {self.pixels.dtype} {list(self.pixels.shape)}"
            )
        if 0 in self.pixels.shape[1:]:
            raise ImprintError(
                f"{self.name}: images need at least one channel and one pixel, "
                f"got shape {list(self.pixels.shape)}"
            )
        if self.labels.shape != (len(self.pixels),):
            raise ImprintError(
                f"{self.name}: {len(self.pixels)} images need as many labels, "
                f"got shape {list(self.labels.shape)}"
            )
        outside = (self.labels < 0) | (self.labels >= len(self.classes))
        if outside.any():
            row = int(np.flatnonzero(outside)[0])
            raise ImprintError(
                f"{self.name}: label {int(self.labels[row])} of image {row} is not in "
                f"0…{len(self.classes) - 1}; labels number the {len(self.classes)} classes from 0"
            )
        if self.object_boxes is not None and len(self.object_boxes) != len(self.pixels):
            raise ImprintError(
                f"{self.name}: {len(self.pixels)} images need as many box lists, "
                f"got {len(self.object_boxes)}"
            )

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.pixels.shape[1])

    def __len__(self) -> int:
        return len(self.pixels)

    def name_of(self, index: int) -> str:
        """Return ``name[row]``."""
        return f"{self.name}[{index}]"

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        height, width = self.pixels.shape[2:]
        return np.tile(np.array([width, height], dtype=np.int64), (len(self), 1))

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the object boxes, one ``[m, 4]`` array an image, or None."""
        return self.object_boxes

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``."""
        if self.pixels.shape[2:] == (size, size) and (rectangles == (0, 0, size, size)).all():
            # What the resampler gives for it, to the bit.
            return self.pixels[indices]
        import torch

        from imprint.data.geometry import resample, to_uint8

        squares = resample(torch.from_numpy(self.pixels[indices]), rectangles, size)
        return np.asarray(to_uint8(squares).numpy())

    def fingerprint(self) -> Fingerprint:
        """Return the hash of pixels, labels, classes and boxes.

        What the set is called does not enter, so a file that is copied under another name has the
        same fingerprint.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        names = [f"image [{row}]" for row in range(len(self))]
        facts = (self.pixels.shape, self.classes)
        contents = array_digests(self.pixels)
        return fingerprint_of(facts, names, contents, self.labels, self.object_boxes)
