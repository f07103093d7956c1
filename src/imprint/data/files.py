"""Encoded images, in files or elsewhere, decoded by a pool of threads, ahead of their use.

Decoders give up the interpreter lock while they decode and resize, so threads scale with cores
without copies between processes. Images that cannot be decoded may be left out; the indices of all
others stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

import numpy as np

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.encoded.contents import Contents
from imprint.data.encoded.decode import (
    MAX_PIXELS,
    Picture,
    decode_by_pillow,
    size_of,
    square,
    to_array,
)
from imprint.data.encoded.jpeg import decode_exactly
from imprint.data.imageset import ArrayImages, BoxReading, ImageSet
from imprint.study.fingerprint import DIGEST_BYTES, Fingerprint, fingerprint_of

IN_MEMORY_LIMIT = 1 << 30
_CHUNK = 512
_PARTS_A_CORE = 4
_SMALL_PX = 128
"""Squares of images up to this side are cut one after the other, for threads would wait for each
other's turn with the interpreter: at 64 pixels two threads cut 5,200 a second, one 8,800."""
_NONE: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class EncodedImages:
    """Images that are decoded when they are read, one label each.

    Args:
        contents: their encoded bytes, and their names.
        labels: int64 ``[n]``, each in [0, number of classes).
        classes: one name a class.
        name: what the set is called.
        channels: 3 for colour, 1 for gray; every image is converted to that.
        object_boxes: one int64 ``[m, 4]`` array an image, or None.
        corrupt: int64, indices of images that are left out; their size is (0, 0).
        known_sizes: int64 ``[n, 2]`` if already known; else read from the headers when needed.
        class_folders: for each class the folder that files about its images lie in, such as its
            WordNet id; empty where the layout has none.
        box_reading: how boxes were taken from what is written; None without boxes.

    Raises:
        ImprintError: the numbers of images, labels and box lists differ.
    """

    contents: Contents
    labels: IntArray
    classes: tuple[str, ...]
    name: str
    channels: int = 3
    object_boxes: Sequence[IntArray] | None = field(default=None, repr=False)
    corrupt: IntArray = field(default_factory=lambda: _NONE)
    known_sizes: IntArray | None = field(default=None, repr=False)
    class_folders: tuple[str, ...] = ()
    box_reading: BoxReading | None = None

    def __post_init__(self) -> None:
        boxes = len(self) if self.object_boxes is None else len(self.object_boxes)
        if not len(self) == len(self.labels) == boxes:
            raise ImprintError(
                f"{self.name}: {len(self)} images need as many labels and box lists, "
                f"got {len(self.labels)} and {boxes}"
            )

    def __len__(self) -> int:
        return len(self.contents.names)

    @property
    def paths(self) -> Sequence[str]:
        """The name of every image, a relative path with forward slashes."""
        return self.contents.names

    def name_of(self, index: int) -> str:
        """Return the relative path of one image."""
        return self.contents.names[index]

    def picture(self, index: int) -> Picture:
        """Return one image, decoded completely, RGB or gray.

        Raises:
            ImprintError: it is gone or cannot be decoded.
        """
        content = self.contents.read(index)
        pixels = decode_exactly(content, self.channels, MAX_PIXELS)
        if pixels is not None:
            return pixels
        return decode_by_pillow(content, self.contents.place(index), self.channels)

    def resident(self) -> DecodedFiles | None:
        """Return the images as arrays where they are kept decoded; else None."""
        return None

    def sizes(self) -> IntArray:
        """Return width and height of every image, int64 ``[n, 2]``, from the headers.

        Raises:
            ImprintError: a header cannot be read.
        """
        return self._sizes

    @cached_property
    def _sizes(self) -> IntArray:
        if self.known_sizes is not None:
            return self.known_sizes
        sizes = np.zeros((len(self), 2), dtype=np.int64)
        usable = usable_indices(self)

        def read(rows: IntArray) -> None:
            for row in rows.tolist():
                sizes[row] = self.contents.size(row)

        _in_chunks(read, usable, "read image sizes")
        return sizes

    def boxes(self) -> Sequence[IntArray] | None:
        """Return the object boxes, one ``[m, 4]`` array an image, or None."""
        return self.object_boxes

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``.

        An image that is asked for more than once is decoded once.

        Raises:
            ImprintError: a file cannot be decoded, or a rectangle is not inside its image.
        """
        squares = np.empty((len(indices), self.channels, size, size), dtype=np.uint8)
        order = np.argsort(indices, kind="stable")
        firsts = np.flatnonzero(np.diff(indices[order], prepend=-1))

        # Where a whole image is asked for in its own size there is nothing to resize.
        may_be_whole = (rectangles == (0, 0, size, size)).all(axis=1).tolist()

        def read(rows: IntArray) -> None:
            index, image = -1, None
            for row, wanted in zip(rows.tolist(), indices[rows].tolist(), strict=True):
                if image is None or wanted != index:
                    index, image = wanted, self.picture(wanted)
                if may_be_whole[row] and size_of(image) == (size, size):
                    squares[row] = to_array(image)
                else:
                    squares[row] = square(image, rectangles[row], size, self.name_of(index))

        if not all(may_be_whole) and rectangles.max(initial=0) <= _SMALL_PX:
            read(order)
        else:
            _in_threads(read, np.split(order, _even_cuts(firsts)))
        return squares

    def fingerprint(self) -> Fingerprint:
        """Return the hash of names, encoded bytes, labels, classes and boxes.

        Neither times nor the place of the images enter, so a copy has the same fingerprint. The
        bytes of images that are left out as corrupt do not count.

        Raises:
            ImprintError: a file cannot be read.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> Fingerprint:
        contents = np.zeros((len(self), DIGEST_BYTES), dtype=np.uint8)
        usable = usable_indices(self)
        contents[usable] = self.contents.digests(usable)
        facts = (self.channels, self.classes, np.asarray(self.corrupt).tolist())
        return fingerprint_of(facts, self.paths, contents, self.labels, self.object_boxes)


def box_facts(images: ImageSet) -> BoxReading | None:
    """Return how boxes were read, of images from files with boxes."""
    return images.box_reading if isinstance(images, (EncodedImages, ArrayImages)) else None


def usable_indices(images: ImageSet) -> IntArray:
    """Return the indices of all images but those left out as corrupt, int64, sorted."""
    everything = np.arange(len(images), dtype=np.int64)
    return (
        np.setdiff1d(everything, images.corrupt)
        if isinstance(images, EncodedImages)
        else everything
    )


def in_channels(images: ImageSet, channels: int) -> ImageSet:
    """Return images of files as gray ones for a network of one channel; all others as they are.

    Files of single images are read in colour otherwise, those of a gray data set as well.
    """
    if channels != 1 or images.channels == 1:
        return images
    if isinstance(images, DecodedFiles):
        return in_memory(replace(images.files, channels=1))
    return replace(images, channels=1) if isinstance(images, EncodedImages) else images


def without_corrupt(images: ImageSet) -> ImageSet:
    """Return the images without those left out as corrupt, numbered anew, by their names alone."""
    if not isinstance(images, EncodedImages) or not len(images.corrupt):
        return images
    rows = usable_indices(images)
    boxes, sizes = images.object_boxes, images.known_sizes
    return replace(
        images,
        contents=images.contents.select(rows),
        labels=images.labels[rows],
        object_boxes=None if boxes is None else [boxes[row] for row in rows.tolist()],
        known_sizes=None if sizes is None else sizes[rows],
        corrupt=_NONE,
    )


def find_corrupt(images: EncodedImages) -> IntArray:
    """Return the indices of images that cannot be decoded completely, int64, sorted.

    Every image is decoded once.
    """
    decodes = np.zeros(len(images), dtype=bool)

    def decode(rows: IntArray) -> None:
        for row in rows.tolist():
            try:
                images.picture(row)
                decodes[row] = True
            except ImprintError:
                continue

    _in_chunks(decode, np.arange(len(images), dtype=np.int64), "look for corrupt images")
    return np.flatnonzero(~decodes).astype(np.int64)


def in_memory(images: ImageSet, limit: int = IN_MEMORY_LIMIT) -> ImageSet:
    """Return the images as arrays in memory where they have one size and fit; else unchanged.

    Args:
        images: any set.
        limit: bytes of pixels that may be held.

    Raises:
        ImprintError: a file cannot be decoded.
    """
    if not isinstance(images, EncodedImages) or len(images.corrupt) or not len(images):
        return images
    width, height = images.contents.size(0)
    if len(images) * images.channels * width * height > limit:
        return images
    if (images.sizes() != (width, height)).any():
        return images
    if (arrays := images.resident()) is not None:
        return arrays
    pixels = np.empty((len(images), images.channels, height, width), dtype=np.uint8)

    def decode(rows: IntArray) -> None:
        for row in rows.tolist():
            pixels[row] = to_array(images.picture(row))

    _in_chunks(decode, np.arange(len(images), dtype=np.int64), f"decode {images.name}")
    return DecodedFiles(
        pixels,
        images.labels,
        images.classes,
        images.name,
        images.object_boxes,
        images.box_reading,
        files=images,
    )


@dataclass(frozen=True)
class DecodedFiles(ArrayImages):
    """Arrays that still know the files they came from: their names and their fingerprint."""

    files: EncodedImages = field(kw_only=True, repr=False)

    def name_of(self, index: int) -> str:
        """Return the relative path of one image."""
        return self.files.name_of(index)

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the files."""
        return self.files.fingerprint()


def stream(
    images: ImageSet, indices: IntArray, rectangles: FloatArray, size: int, batch_size: int
) -> Iterator[Pixels]:
    """Yield batches of squares in order; the next is decoded while the caller uses this one.

    Args:
        images: where pixels come from.
        indices: int64 ``[n]``.
        rectangles: float64 ``[n, 4]``.
        size: side of the squares.
        batch_size: squares a batch; the last may be smaller.

    Yields:
        uint8 ``[b, channels, size, size]``.

    Raises:
        ImprintError: a file cannot be decoded, or a rectangle is not inside its image.
    """

    def read(start: int) -> Pixels:
        part = slice(start, start + batch_size)
        return images.read(indices[part], rectangles[part], size)

    starts = range(0, len(indices), batch_size)
    if isinstance(images, ArrayImages):
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="imprint-prefetch") as prefetch:
        upcoming: Future[Pixels] | None = None
        for start in starts:
            batch = upcoming.result() if upcoming is not None else read(start)
            following = start + batch_size
            upcoming = prefetch.submit(read, following) if following < len(indices) else None
            yield batch


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-decode")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)


def _in_threads(work: Callable[[IntArray], None], parts: Sequence[IntArray]) -> None:
    """Do ``work`` on every part, in the pool; the first error is raised after all have ended."""
    if len(parts) == 1:
        work(parts[0])
        return
    futures = [_pool().submit(work, part) for part in parts]
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error


def _even_cuts(firsts: IntArray) -> IntArray:
    """Return where to cut sorted rows, so that those of one image, which begin at ``firsts``, stay.

    Into so many parts that no core waits long for the others.
    """
    share = max(1, -(-len(firsts) // (_PARTS_A_CORE * usable_cores())))
    return firsts[share::share]


def _in_chunks(work: Callable[[IntArray], None], rows: IntArray, what: str) -> None:
    """Do ``work`` on all rows in the pool, with progress."""
    starts = range(0, len(rows), _CHUNK)
    for start in track(starts, what, len(starts), f"{_CHUNK} images"):
        part = rows[start : start + _CHUNK]
        _in_threads(work, np.array_split(part, min(len(part), _PARTS_A_CORE * usable_cores())))
