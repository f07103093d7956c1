"""Images of the user's records as one set, read as pixels or as the model's inputs.

Crops of images that the user has prepared as floats are cut from the floats themselves: resampling
is linear, so a crop of a normalised image is the normalised crop. References and pictures see them
in uint8, stretched from the lowest to the highest value of each channel where these are not in
[0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.data.boxes.boxes import NO_BOXES
from imprint.data.geometry import resample, to_uint8
from imprint.data.records.records import Records
from imprint.study.hashing import hash_json

CHANNELS = (1, 3)
"""Of pictures."""
MIN_SIDE = 8
"""Of images in pixels: a corner of smaller ones is a pixel or two."""
SAMPLED_FOR_RANGE = 1024
"""Records of each set whose values say what range prepared images have."""


def why_no_images(records: Records) -> str | None:
    """Return why records are no images; None where they are, read by their view or an array."""
    shape = records.inputs.shape
    if _has_view(records):
        return None
    if len(shape) != 3 or shape[0] not in CHANNELS or min(shape[1:]) < MIN_SIDE:
        return "needs images"
    if shape[1] != shape[2]:
        return f"needs square images, and these are {shape[2]} × {shape[1]}"
    if records.inputs.dtype != np.uint8 and records.inputs.dtype.kind != "f":
        return f"needs images in uint8 or floats, and these are {records.inputs.dtype}"
    return None


def _has_view(records: Records) -> bool:
    return records.images is not None and records.inputs.dtype == np.uint8


@dataclass(frozen=True, eq=False)
class RecordImages:
    """Members, then non-members, then public images from elsewhere, as one set of images.

    Attributes:
        members: the first images.
        non_members: the next, of the same classes.
        public: the last, of the same classes; none of them has boxes that count.
    """

    members: Records
    non_members: Records
    public: Records | None = None

    @property
    def parts(self) -> tuple[Records, ...]:
        """All sets in order."""
        sets = (self.members, self.non_members)
        return sets if self.public is None else (*sets, self.public)

    @property
    def name(self) -> str:
        """The name of the members."""
        return self.members.name

    @property
    def classes(self) -> tuple[str, ...]:
        """One name a class."""
        return self.members.classes or tuple(map(str, range(int(self.labels.max()) + 1)))

    @cached_property
    def labels(self) -> IntArray:
        """The class of every image, int64 ``[n]``."""
        labels = [part.labels for part in self.parts]
        assert all(each is not None for each in labels)
        return np.concatenate([np.asarray(each, dtype=np.int64) for each in labels])

    @property
    def channels(self) -> int:
        """Of the model's inputs."""
        return self.members.inputs.shape[0]

    @property
    def input_size(self) -> int:
        """Side of the model's inputs in pixels."""
        return self.members.inputs.shape[-1]

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def _starts(self) -> IntArray:
        """The first index of each set, and the end of the last."""
        return np.concatenate([[0], np.cumsum([len(part) for part in self.parts])])

    def name_of(self, index: int) -> str:
        """Return the name of one record."""
        which = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self.parts[which].name_of(index - int(self._starts[which]))

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``."""
        return np.concatenate([_sizes(part) for part in self.parts])

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the object boxes; None unless members and non-members have them."""
        boxes: list[IntArray] = []
        for part in (self.members, self.non_members):
            view = part.images if _has_view(part) else None
            known = None if view is None else view.images.boxes()
            if view is None or known is None:
                return None
            boxes += [known[index] for index in view.index.tolist()]
        return [*boxes, *[NO_BOXES] * len(self.public or ())]

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares of pixels, uint8 ``[b, C, size, size]``."""
        squares = self._squares(indices, rectangles, size)
        if squares.dtype == np.uint8:
            return squares
        low, high = self._range
        pixels = torch.from_numpy((squares - low) * (255 / (high - low)))
        return np.asarray(to_uint8(pixels).numpy())

    def read_inputs(self, indices: IntArray, rectangles: FloatArray) -> NDArray[Any]:
        """Return rectangles of images as inputs of the model, uint8 or float32 ``[b, C, H, W]``."""
        return self._squares(indices, rectangles, self.input_size)

    def fingerprint(self) -> str:
        """Return the hash of all sets."""
        return hash_json([part.fingerprint() for part in self.parts])

    @property
    def stretched(self) -> bool:
        """Whether pictures are stretched, as values of prepared images are beyond [0, 1]."""
        return self.members.inputs.dtype != np.uint8 and not (
            np.all(self._range[0] == 0) and np.all(self._range[1] == 1)
        )

    @cached_property
    def _range(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The lowest and highest value of each channel, ``[C, 1, 1]``: 0 and 1 within these."""
        sampled = [
            part.inputs.read(np.arange(min(SAMPLED_FOR_RANGE, len(part)))) for part in self.parts
        ]
        values = np.concatenate(sampled).astype(np.float32)
        low, high = values.min((0, 2, 3), keepdims=True)[0], values.max((0, 2, 3), keepdims=True)[0]
        if low.min() >= 0 and high.max() <= 1:
            return np.zeros_like(low), np.ones_like(high)
        return low, np.where(high > low, high, low + 1)

    def _squares(self, indices: IntArray, rectangles: FloatArray, size: int) -> NDArray[Any]:
        """Return squares in the units of the records, in the order of the indices."""
        squares: NDArray[Any] | None = None
        which = np.searchsorted(self._starts, indices, side="right") - 1
        for number, part in enumerate(self.parts):
            rows = np.flatnonzero(which == number)
            if not len(rows):
                continue
            local = indices[rows] - self._starts[number]
            values = _read(part, local, rectangles[rows], size)
            if squares is None:
                squares = np.empty((len(indices), *values.shape[1:]), dtype=values.dtype)
            squares[rows] = values
        if squares is None:
            return np.empty((0, self.channels, size, size), dtype=np.uint8)
        return squares


def _read(records: Records, rows: IntArray, rectangles: FloatArray, size: int) -> NDArray[Any]:
    if _has_view(records):
        assert records.images is not None
        return records.images.images.read(records.images.index[rows], rectangles, size)
    values = resample(torch.from_numpy(records.inputs.read(rows)), rectangles, size)
    return np.asarray((to_uint8(values) if records.inputs.dtype == np.uint8 else values).numpy())


def _sizes(records: Records) -> IntArray:
    if _has_view(records):
        assert records.images is not None
        return records.images.images.sizes()[records.images.index]
    _, height, width = records.inputs.shape
    return np.tile(np.array([width, height], dtype=np.int64), (len(records), 1))
