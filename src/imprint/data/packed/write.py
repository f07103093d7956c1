"""Write a packed store: images read and decoded by threads, written in order, in bounded memory.

Every image of files is decoded once, so that a store holds none that cannot be. Nothing is encoded
anew: files are kept as they are, or as the pixels they decode to.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from imprint.core.arrays import IntArray
from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.encoded.decode import Picture, as_image, decode_image, size_of, to_array
from imprint.data.files import EncodedImages, usable_indices
from imprint.data.imageset import ArrayImages, BoxEnds, ImageSet
from imprint.data.packed.header import (
    BYTES_FILE,
    HEADER,
    PIXELS_FILE,
    Header,
    Kind,
    Tables,
    hash_table,
    is_inside,
)
from imprint.study.fingerprint import DIGEST_BYTES, array_digests

Keep = Literal["auto", "pixels", "files"]
SMALL_PIXELS = 128 * 128
"""Images of one size and up to so many pixels are kept as pixels: at most 49 kB a piece."""
_GROUP = 16
_AHEAD_A_CORE = 2


class _GrayDiffers(Exception):
    """Gray of an image is not the gray of its RGB pixels."""


@dataclass(frozen=True)
class _Packed:
    """Some images on their way into a store: their bytes there, how long each is, its size."""

    content: bytes
    lengths: list[int]
    sizes: list[tuple[int, int]]
    stored: list[bytes]


def write_pack(images: ImageSet, path: Path, keep: Keep = "auto", part: str = "") -> None:
    """Write a set of images as a packed store, a folder at ``path``.

    Args:
        images: encoded images, or arrays. Boxes are kept as they were read, before any margin.
        path: of the folder; the caller renames and flushes it.
        keep: files as pixels, as they are (files), or as pixels where they are small and of one
            size (auto). Arrays are always kept as pixels.
        part: of the data that they are, as the user named it.

    Raises:
        ImprintError: an image cannot be decoded, or images of several sizes are to be kept as
            pixels.
    """
    if isinstance(images, ArrayImages):
        _write_arrays(images, path, part)
    elif isinstance(images, EncodedImages):
        _check_names(images)
        kind = _kind(images, keep)
        try:
            _write_encoded(images, path, kind, part)
        except _GrayDiffers:
            if keep == "pixels":
                raise ImprintError(
                    f"{images.name} has images whose gray is not that of their colours, as in "
                    "YCbCr: keep them as they are (--keep files)"
                ) from None
            _write_encoded(images, path, "files", part)
    else:
        raise ImprintError(
            f"{images.name} is made of other sets, which are no files or arrays: pack each of them"
        )


def _check_names(images: EncodedImages) -> None:
    """Check that files about the images, which are called after them, will stay in their folder."""
    strange = [name for name in (*images.class_folders, *images.paths) if not is_inside(name)]
    if strange:
        raise ImprintError(f"{images.name}: {strange[0]!r} is no plain relative path: rename it")


def _kind(images: EncodedImages, keep: Keep) -> Kind:
    if keep == "files":
        return "files"
    sizes = images.sizes()
    is_even = len(images.corrupt) == 0 and bool((sizes == sizes[0]).all())
    if keep == "pixels" and not is_even:
        raise ImprintError(
            f"{images.name} has images of several sizes or corrupt ones, which have no place among "
            "pixels: keep them as they are (--keep files)"
        )
    is_small = is_even and sizes[0].prod() <= SMALL_PIXELS
    return "pixels" if keep == "pixels" or is_small else "files"


def _write_arrays(images: ArrayImages, path: Path, part: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    digests = np.empty((len(images), DIGEST_BYTES), dtype=np.uint8)
    starts = range(0, len(images), 512)
    with (path / PIXELS_FILE).open("wb") as file:
        _write_pixel_header(file, images.pixels.shape)
        for start in track(starts, f"pack {images.name}", len(starts), "512 images"):
            rows = images.pixels[start : start + 512]
            digests[start : start + 512] = array_digests(rows)
            file.write(np.ascontiguousarray(rows).data)
    tables: Tables = {
        "labels": images.labels,
        "digests": digests,
        "corrupt": np.empty(0, dtype=np.int64),
        "names": _joined(f"image {row}" for row in range(len(images))),
    }
    extent = (images.pixels.shape[2], images.pixels.shape[3])
    _finish(images, path, "arrays", part, extent, tables)


def _write_encoded(images: EncodedImages, path: Path, kind: Kind, part: str) -> None:
    path.mkdir(parents=True, exist_ok=True)
    usable = usable_indices(images)
    contents = np.zeros((len(images), DIGEST_BYTES), dtype=np.uint8)
    contents[usable] = images.contents.digests(usable)
    stored = np.zeros_like(contents)
    lengths = np.zeros(len(images), dtype=np.int64)
    sizes = np.zeros((len(images), 2), dtype=np.int64)
    width, height = images.sizes()[0].tolist()

    def prepare(rows: IntArray) -> _Packed:
        return _prepare(images, rows, kind)

    file_name = PIXELS_FILE if kind == "pixels" else BYTES_FILE
    with (path / file_name).open("wb") as file:
        if kind == "pixels":
            _write_pixel_header(file, (len(images), images.channels, height, width))
        groups = np.array_split(usable, -(-len(usable) // _GROUP))
        prepared = _in_order(prepare, groups)
        what = f"pack {images.name}"
        tracked = track(prepared, what, len(groups), f"{_GROUP} images")
        for rows, packed in zip(groups, tracked, strict=True):
            file.write(packed.content)
            lengths[rows], sizes[rows] = packed.lengths, packed.sizes
            stored[rows] = np.frombuffer(b"".join(packed.stored), np.uint8).reshape(len(rows), -1)
    changed = np.flatnonzero((stored != contents).any(axis=1) & (kind == "files"))
    if len(changed):
        raise ImprintError(
            f"{images.contents.place(int(changed[0]))} changed while it was packed: run again"
        )
    tables: Tables = {
        "labels": images.labels,
        "digests": contents,
        "corrupt": np.asarray(images.corrupt, dtype=np.int64),
        "names": _joined(images.paths),
    }
    if kind == "pixels":
        tables["stored"] = stored
    else:
        tables |= {"sizes": sizes, "offsets": np.concatenate([[0], np.cumsum(lengths)])}
        height = width = 0
    _finish(images, path, kind, part, (height, width), tables)


def _prepare(images: EncodedImages, rows: IntArray, kind: Kind) -> _Packed:
    """Read, decode and hash some images."""
    pieces, sizes = [], []
    for row in rows.tolist():
        content, place = images.contents.read(row), images.contents.place(row)
        picture = decode_image(content, place, images.channels)
        sizes.append(size_of(picture))
        if kind == "pixels":
            if images.channels == 3 and not _gray_agrees(content, place, picture):
                raise _GrayDiffers
            content = np.ascontiguousarray(to_array(picture)).tobytes()
        pieces.append(content)
    stored = [hashlib.sha256(piece).digest() for piece in pieces]
    return _Packed(b"".join(pieces), [len(piece) for piece in pieces], sizes, stored)


def _gray_agrees(content: bytes, place: str, picture: Picture) -> bool:
    """Return whether gray of the pixels is the gray that the file itself would be read as."""
    if not isinstance(picture, Image.Image):  # a JPEG in gray or RGB
        return True
    return decode_image(content, place, 1) == as_image(picture).convert("L")


def _in_order(work: Callable[[IntArray], _Packed], groups: list[IntArray]) -> Iterator[_Packed]:
    """Yield the work on every group in order, a few groups ahead in threads."""
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-pack") as pool:
        pending: deque[Future[_Packed]] = deque()
        try:
            for group in groups:
                pending.append(pool.submit(work, group))
                if len(pending) > _AHEAD_A_CORE * usable_cores():
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _write_pixel_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _joined(names: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\0".join(names).encode("utf-8", "surrogateescape"), dtype=np.uint8)


def _finish(
    images: EncodedImages | ArrayImages,
    path: Path,
    kind: Kind,
    part: str,
    extent: tuple[int, int],
    tables: Tables,
) -> None:
    """Write the tables, then the header."""
    reading = images.box_reading
    boxes = images.object_boxes
    ends: BoxEnds | None = None
    if boxes is not None:
        ends = "inclusive" if reading is not None and reading.ends == "inclusive" else "exclusive"
        counts = [len(table) for table in boxes]
        tables["box_counts"] = np.array(counts, dtype=np.int64)
        tables["boxes"] = np.concatenate([*boxes, np.empty((0, 4))]).astype(np.int64)
    for name, table in tables.items():
        np.save(path / f"{name}.npy", table, allow_pickle=False)
    header = Header(
        kind=kind,
        name=images.name,
        part=part,
        images=len(images),
        channels=images.channels,
        height=extent[0],
        width=extent[1],
        classes=images.classes,
        class_folders=images.class_folders if isinstance(images, EncodedImages) else (),
        box_ends=ends,
        tables={name: hash_table(table) for name, table in tables.items()},
    )
    text = json.dumps(header.to_json(), indent=1, allow_nan=False)
    (path / HEADER).write_text(text + "\n", encoding="ascii")
