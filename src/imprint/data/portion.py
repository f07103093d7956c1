"""Some images of a set under the numbers they have in it, to be read in another process.

A task that looks at a shard of the images is sent these alone: pixels where the set is in memory,
names of files where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.files import EncodedImages
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.joined import JoinedImages
from imprint.data.selected import SelectedImages
from imprint.data.view import View


@dataclass(frozen=True, eq=False)
class Portion:
    """Images of a set that keep their numbers; of the others there is nothing to read.

    Attributes:
        name: of the set.
        classes: of the set.
        kept: int64 ``[k]``, rising, which images there are.
        kept_labels: int64 ``[k]``, their classes.
        kept_names: of each of them.
        part: the images, numbered anew.
        count: how many images the set has.
        digest: fingerprint of the set.
    """

    name: str
    classes: tuple[str, ...]
    kept: IntArray
    kept_labels: IntArray
    kept_names: Sequence[str]
    part: ImageSet
    count: int
    digest: str

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.part.channels

    @property
    def labels(self) -> IntArray:
        """The class of every image, int64 ``[n]``; −1 of those that are not there."""
        labels = np.full(self.count, -1, dtype=np.int64)
        labels[self.kept] = self.kept_labels
        return labels

    def __len__(self) -> int:
        return self.count

    def name_of(self, index: int) -> str:
        """Return the name that an image has in the set."""
        return self.kept_names[int(np.searchsorted(self.kept, index))]

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``; 0 of those not there."""
        sizes = np.zeros((self.count, 2), dtype=np.int64)
        sizes[self.kept] = self.part.sizes()
        return sizes

    def boxes(self) -> Sequence[IntArray] | None:
        """Return None: boxes do not travel."""
        return None

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``."""
        return self.part.read(np.searchsorted(self.kept, indices), rectangles, size)

    def fingerprint(self) -> str:
        """Return the fingerprint of the whole set."""
        return self.digest


def portion(view: View, rows: slice) -> View:
    """Return some rows of a view, whose images hold no others.

    Sets of a kind of their own stay whole.

    Args:
        view: any.
        rows: of it.
    """
    shard = view.rows(rows)
    images, kept = view.images, np.unique(shard.index)
    part = numbered_anew(images, kept)
    if part is None:
        return shard
    portion_of = Portion(
        images.name,
        images.classes,
        kept,
        images.labels[kept],
        [images.name_of(index) for index in kept.tolist()],
        part,
        len(images),
        str(images.fingerprint()),
    )
    return replace(shard, images=portion_of)


@overload
def numbered_anew(images: CroppedImages, kept: IntArray) -> CroppedImages: ...
@overload
def numbered_anew(images: ImageSet, kept: IntArray) -> ImageSet | None: ...
def numbered_anew(images: ImageSet, kept: IntArray) -> ImageSet | None:
    """Return some images, numbered from 0 on; None of a kind that is not known.

    Args:
        images: any set.
        kept: int64 ``[k]``, rising.
    """
    if isinstance(images, CroppedImages):
        needed, rows = np.unique(images.index[kept], return_inverse=True)
        source = numbered_anew(images.images, needed)
        if source is None:
            return CroppedImages(images.images, images.index[kept], images.squares[kept])
        return CroppedImages(source, rows, images.squares[kept])
    if isinstance(images, ArrayImages):
        return ArrayImages(_rows(images.pixels, kept), images.labels[kept], images.classes)
    if isinstance(images, EncodedImages):
        return replace(
            images,
            contents=images.contents.select(kept),
            labels=images.labels[kept],
            object_boxes=None,
            corrupt=np.empty(0, dtype=np.int64),
            known_sizes=images.sizes()[kept],
        )
    if isinstance(images, JoinedImages):
        of_first = kept < len(images.first)
        first = numbered_anew(images.first, kept[of_first])
        second = numbered_anew(images.second, kept[~of_first] - len(images.first))
        return None if first is None or second is None else JoinedImages(first, second, images.name)
    if isinstance(images, SelectedImages):
        needed, rows = np.unique(images.rows[kept], return_inverse=True)
        source = numbered_anew(images.source, needed)
        return None if source is None else SelectedImages(source, rows, images.classes)
    return None


def _rows(pixels: Pixels, kept: IntArray) -> Pixels:
    """Return rows of an array, not copied where they follow one another."""
    if len(kept) and kept[-1] - kept[0] + 1 == len(kept):
        return pixels[kept[0] : kept[-1] + 1]
    return np.asarray(pixels[kept])
