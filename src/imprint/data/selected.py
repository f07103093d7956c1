"""Some images of a set as a set of their own, under the classes of another set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.data.imageset import ImageSet
from imprint.study.fingerprint import joined_fingerprint


@dataclass(frozen=True, eq=False)
class SelectedImages:
    """Rows of a set of images, numbered anew; classes keep their names and get other numbers.

    Args:
        source: where pixels and names come from.
        rows: int64 ``[n]``, which images; each of a class that ``classes`` names.
        classes: the names that labels number.
    """

    source: ImageSet
    rows: IntArray
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.source.name

    @cached_property
    def labels(self) -> IntArray:
        """The class of every image by the numbers of ``classes``, int64 ``[n]``."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        renumbered = np.array([numbers.get(name, -1) for name in self.source.classes])
        return renumbered[self.source.labels[self.rows]].astype(np.int64)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.source.channels

    def __len__(self) -> int:
        return len(self.rows)

    def name_of(self, index: int) -> str:
        """Return the name the image has in the source."""
        return self.source.name_of(int(self.rows[index]))

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        return self.source.sizes()[self.rows]

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the boxes of the rows, or None where the source has none."""
        boxes = self.source.boxes()
        return None if boxes is None else [boxes[row] for row in self.rows.tolist()]

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``."""
        return self.source.read(self.rows[indices], rectangles, size)

    def fingerprint(self) -> str:
        """Return the hash of the source, the rows and the classes."""
        source = self.source.fingerprint()
        digest = hashlib.sha256(f"{source} {self.classes}".encode())
        digest.update(np.ascontiguousarray(self.rows, dtype="<i8").data)
        return joined_fingerprint([source], digest.hexdigest())


def of_classes(images: ImageSet, classes: Sequence[str], rows: IntArray) -> SelectedImages:
    """Return those rows of a set whose class is, by name, one of others.

    Args:
        images: any set.
        classes: names of the classes to keep, in the order of their new numbers.
        rows: int64, images to choose from.
    """
    known = np.array([name in set(classes) for name in images.classes], dtype=bool)
    return SelectedImages(images, rows[known[images.labels[rows]]], tuple(classes))
