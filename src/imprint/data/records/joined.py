"""Members and non-members as one set, rows of the second behind those of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.data.imageset import ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.records.records import Records, Rows
from imprint.data.view import View
from imprint.study.hashing import hash_arrays, hash_json


@dataclass(frozen=True, eq=False)
class JoinedRows:
    """The inputs of two sets."""

    first: Rows
    second: Rows

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.first.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.first.dtype

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some inputs ``[b, …]``."""
        later = rows >= len(self.first)
        values = np.empty((len(rows), *self.shape), dtype=self.dtype)
        if not later.all():
            values[~later] = self.first.read(rows[~later])
        if later.any():
            values[later] = self.second.read(rows[later] - len(self.first))
        return values

    def fingerprint(self) -> str:
        """Return the hash of both."""
        return hash_json([self.first.fingerprint(), self.second.fingerprint()])


def joined_records(first: Records, second: Records) -> Records:
    """Return the records of two sets of one task and one kind of input."""
    targets = None
    if first.targets is not None and second.targets is not None:
        targets = np.concatenate([first.targets, second.targets])
    return Records(
        JoinedRows(first.inputs, second.inputs),
        targets,
        first.task,
        first.classes,
        f"{first.name} and {second.name}",
    )


def joined_views(first: Records, second: Records) -> ImageSet | None:
    """Return the images of two sets as one, row by row; None where they are no images."""
    if first.images is None or second.images is None:
        return None
    name = f"{first.name} and {second.name}"
    return JoinedImages(ViewedImages(first.images), ViewedImages(second.images), name)


@dataclass(frozen=True, eq=False)
class ViewedImages:
    """The images of a view as a set of their own, numbered by its rows."""

    view: View

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.view.images.name

    @property
    def classes(self) -> tuple[str, ...]:
        """One name a class."""
        return self.view.images.classes

    @property
    def labels(self) -> IntArray:
        """The class of every image."""
        return self.view.labels

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.view.images.channels

    def __len__(self) -> int:
        return len(self.view)

    def name_of(self, index: int) -> str:
        """Return the name of one image in its own set."""
        return self.view.images.name_of(int(self.view.index[index]))

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        return self.view.images.sizes()[self.view.index]

    def boxes(self) -> list[IntArray] | None:
        """Return the object boxes, or None."""
        boxes = self.view.images.boxes()
        return None if boxes is None else [boxes[row] for row in self.view.index.tolist()]

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares."""
        return self.view.images.read(self.view.index[indices], rectangles, size)

    def fingerprint(self) -> str:
        """Return the hash of the set and of which images these are."""
        return hash_json([self.view.images.fingerprint(), hash_arrays(self.view.index)])
