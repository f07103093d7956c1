"""The images of a packed store, the same in every number as those that were packed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.data.encoded.decode import Picture, encoded_size
from imprint.data.encoded.jpeg import Interleaved
from imprint.data.files import DecodedFiles, EncodedImages
from imprint.data.imageset import ArrayImages
from imprint.data.packed.pack import Pack
from imprint.study.fingerprint import Digests, Fingerprint, fingerprint_of


@dataclass(frozen=True)
class PackedContents:
    """Encoded images in a packed store; images of pixels are encoded without loss as PPM.

    Attributes:
        pack: the store.
        rows: int64 ``[n]``, which of its images.
    """

    pack: Pack
    rows: IntArray = field(repr=False)

    @cached_property
    def names(self) -> list[str]:
        """The name of every image."""
        return [self.pack.names[row] for row in self.rows.tolist()]

    def place(self, index: int) -> str:
        """Return the store and the name of one image."""
        return f"{self.pack.root}: {self.names[index]}"

    def read(self, index: int) -> bytes:
        """Return the bytes of one image."""
        row = int(self.rows[index])
        if self.pack.offsets is not None:
            return self.pack.read(row)
        pixels: Pixels = self.pack.pixels[row]
        channels, height, width = pixels.shape
        letter = "P6" if channels == 3 else "P5"
        header = f"{letter} {width} {height} 255\n".encode()
        return header + pixels.transpose(1, 2, 0).tobytes()

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of one image."""
        width, height = self.pack.sizes[self.rows[index]].tolist()
        return (width, height) if width else encoded_size(b"", self.place(index))

    def digests(self, rows: IntArray) -> Digests:
        """Return the SHA-256 that some images had before they were packed."""
        return self.pack.digests[self.rows[rows]]

    def select(self, rows: IntArray) -> PackedContents:
        """Return some of the images."""
        return PackedContents(self.pack, self.rows[rows])


@dataclass(frozen=True)
class PackedPixels(EncodedImages):
    """Files that were packed as pixels: nothing is left to decode."""

    def picture(self, index: int) -> Picture:
        """Return one image, uint8 ``[H, W, channels]``."""
        pixels: Interleaved = self._pixels[self._rows[index]].transpose(1, 2, 0)
        if pixels.shape[2] == self.channels:
            return pixels
        return Image.fromarray(pixels).convert("L")

    def read(self, indices: IntArray, rectangles: FloatArray, size: int) -> Pixels:
        """Return rectangles of images as squares, uint8 ``[b, channels, size, size]``."""
        whole = (rectangles == (0, 0, size, size)).all()
        if whole and self._pixels.shape[1:] == (self.channels, size, size):
            return self._pixels[self._rows[indices]]
        return super().read(indices, rectangles, size)

    def resident(self) -> MappedFiles | None:
        """Return the images as arrays that stay in the store, if they are all of it and as it."""
        is_all = np.array_equal(self._rows, np.arange(len(self._pixels)))
        if not is_all or self.channels != self._pixels.shape[1]:
            return None
        facts = (self.labels, self.classes, self.name, self.object_boxes, self.box_reading)
        return MappedFiles(self._pixels, *facts, files=self)

    @property
    def _pixels(self) -> Pixels:
        return self._packed.pack.pixels

    @property
    def _rows(self) -> IntArray:
        return self._packed.rows

    @property
    def _packed(self) -> PackedContents:
        assert isinstance(self.contents, PackedContents)
        return self.contents


@dataclass(frozen=True)
class MappedFiles(DecodedFiles):
    """Files packed as pixels, as arrays that stay in the store; other processes map them again."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without pixels."""
        return _mapped, (self.files,)


def _mapped(images: PackedPixels) -> MappedFiles | None:
    return images.resident()


@dataclass(frozen=True)
class PackedArrays(ArrayImages):
    """Arrays that were packed: they stay in the store, and their hashes are known."""

    pack: Pack = field(kw_only=True, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel without pixels."""
        return _with_boxes, (self.pack, self.object_boxes, self.box_reading)

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint that the arrays had."""
        return self._packed_fingerprint

    @cached_property
    def _packed_fingerprint(self) -> Fingerprint:
        names = [f"image [{row}]" for row in range(len(self))]
        facts = (self.pixels.shape, self.classes)
        return fingerprint_of(facts, names, self.pack.digests, self.labels, self.object_boxes)


def images_of(pack: Pack) -> EncodedImages | PackedArrays:
    """Return the images of a store, without boxes yet."""
    header = pack.header
    if header.kind == "arrays":
        return PackedArrays(pack.pixels, pack.labels, header.classes, header.name, pack=pack)
    kind = PackedPixels if header.kind == "pixels" else EncodedImages
    return kind(
        PackedContents(pack, np.arange(len(pack), dtype=np.int64)),
        pack.labels,
        header.classes,
        header.name,
        header.channels,
        corrupt=pack.corrupt,
        known_sizes=pack.sizes,
        class_folders=header.class_folders,
    )


def _with_boxes(pack: Pack, boxes: Any, reading: Any) -> PackedArrays:
    images = images_of(pack)
    assert isinstance(images, PackedArrays)
    return replace(images, object_boxes=boxes, box_reading=reading)
