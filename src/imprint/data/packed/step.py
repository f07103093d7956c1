"""Packing as a step of a study, and the check of all that a set of images holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.device import usable_cores
from imprint.core.progress import track
from imprint.data.files import EncodedImages, find_corrupt
from imprint.data.imageset import ImageSet
from imprint.data.packed.images import PackedArrays, PackedContents
from imprint.data.packed.pack import Pack
from imprint.data.packed.write import Keep, write_pack
from imprint.study.step import Step

_CHUNK = 256


@dataclass(frozen=True)
class PackFiles(Step):
    """A set of images as a packed store.

    Attributes:
        images: what is packed.
        keep: as pixels or as files.
        part: of the data, as it was named.
    """

    images: ImageSet
    keep: Keep
    part: str

    artefact = "images.pack"

    def build(self, path: Path) -> None:
        """Write the store."""
        write_pack(self.images, path, self.keep, self.part)


def pack_of(images: ImageSet) -> Pack | None:
    """Return the store that images lie in; None for any others."""
    if isinstance(images, PackedArrays):
        return images.pack
    if isinstance(images, EncodedImages) and isinstance(images.contents, PackedContents):
        return images.contents.pack
    return None


def damaged_images(images: ImageSet) -> IntArray:
    """Return the indices of images that are not what they should be, int64, sorted.

    Those of a packed store are held against their hashes, others are decoded once; arrays in memory
    have nothing to check.
    """
    pack = pack_of(images)
    if pack is not None:
        return _changed(pack)
    return find_corrupt(images) if isinstance(images, EncodedImages) else np.empty(0, np.int64)


def _changed(pack: Pack) -> IntArray:
    """Return which images of a store have other bytes than those that were packed."""
    usable = np.setdiff1d(np.arange(len(pack), dtype=np.int64), pack.corrupt)

    def check(rows: IntArray) -> IntArray:
        hashes = [_hash(pack, row) for row in rows.tolist()]
        expected = [pack.stored[row].tobytes() for row in rows.tolist()]
        return rows[[found != wanted for found, wanted in zip(hashes, expected, strict=True)]]

    parts = np.array_split(usable, max(1, -(-len(usable) // _CHUNK)))
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-check") as pool:
        what = f"check {pack.root.name}"
        checked = track(pool.map(check, parts), what, len(parts), f"{_CHUNK} images")
        return np.concatenate(list(checked)).astype(np.int64)


def _hash(pack: Pack, row: int) -> bytes:
    if pack.offsets is not None:
        return sha256(pack.read(row)).digest()
    return sha256(pack.pixels[row].data).digest()
