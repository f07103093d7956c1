"""Two sets of images as one: the members of a network beside images it never saw."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.boxes.boxes import NO_BOXES
from imprint.data.imageset import ImageSet
from imprint.study.fingerprint import joined_fingerprint


@dataclass(frozen=True)
class JoinedImages:
    """The images of ``first``, then those of ``second``, under the classes of ``first``.

    Args:
        first: gives the classes and their numbers.
        second: its classes are among those of ``first``, by name.
        name: what the joined set is called.
        boxes_of_first: whether the boxes of the first set count where the second has none; its
            images then have no box each.

    Raises:
        ImprintError: other channels, or a class that ``first`` does not have.
    """

    first: ImageSet
    second: ImageSet
    name: str
    boxes_of_first: bool = False

    def __post_init__(self) -> None:
        if self.first.channels != self.second.channels:
            raise ImprintError(
                f"{self.first.name} has {self.first.channels} channels and {self.second.name} "
                f"{self.second.channels}: give sets of the same kind of images"
            )
        unknown = [name for name in self.second.classes if name not in self.first.classes]
        if unknown:
            raise ImprintError(
                f"{self.second.name} has the class {unknown[0]!r}, which {self.first.name} does "
                "not have: give sets of the same classes"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the first set."""
        return self.first.classes

    @cached_property
    def labels(self) -> IntArray:
        """The class of every image by the numbers of the first set, int64 ``[n]``."""
        numbers = {name: number for number, name in enumerate(self.first.classes)}
        renumbered = np.array([numbers[name] for name in self.second.classes], dtype=np.int64)
        return np.concatenate([self.first.labels, renumbered[self.second.labels]])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.first.channels

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def name_of(self, index: int) -> str:
        """Return the name the image has in its own set."""
        inside = index - len(self.first)
        return self.first.name_of(index) if inside < 0 else self.second.name_of(inside)

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        return np.concatenate([self.first.sizes(), self.second.sizes()])

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the boxes of both sets, or None unless both have some."""
        first, second = self.first.boxes(), self.second.boxes()
        if self.boxes_of_first and second is None:
            second = [NO_BOXES] * len(self.second)
        return None if first is None or second is None else [*first, *second]

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``."""
        squares = np.empty((len(indices), self.channels, size, size), dtype=np.uint8)
        later = indices >= len(self.first)
        for images, rows, start in ((self.first, ~later, 0), (self.second, later, len(self.first))):
            if rows.any():
                squares[rows] = images.read(indices[rows] - start, rectangles[rows], size)
        return squares

    def fingerprint(self) -> str:
        """Return the hash of both fingerprints."""
        parts = [self.first.fingerprint(), self.second.fingerprint()]
        return joined_fingerprint(parts, hashlib.sha256(" ".join(parts).encode()).hexdigest())
