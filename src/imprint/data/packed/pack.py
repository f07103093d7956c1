"""An open packed store: checked tables, and its images mapped into memory or read in place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.encoded.decode import MAX_PIXELS
from imprint.data.packed.header import (
    BYTES_FILE,
    PACK_AGAIN,
    PIXELS_FILE,
    Header,
    Tables,
    is_inside,
    read_header,
    read_tables,
)
from imprint.reading.regular import check_regular
from imprint.study.fingerprint import DIGEST_BYTES, Digests

_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Pack:
    """A store that was checked when it was opened; to other processes it travels as its path.

    Attributes:
        root: its folder.
        header: what it holds.
        names: of every image.
        labels: int64 ``[n]``.
        sizes: int64 ``[n, 2]``, (0, 0) where an image was left out as corrupt.
        digests: uint8 ``[n, 32]``, of every image as it was before it was packed.
        stored: uint8 ``[n, 32]``, of the bytes of every image in the store.
        corrupt: int64, images that were left out.
        boxes: one int64 ``[m, 4]`` array an image, x1 and y1 exclusive; None without boxes.
        offsets: int64 ``[n + 1]``, where each image begins in a store of files; else None.
    """

    root: Path
    header: Header
    names: Sequence[str] = field(repr=False)
    labels: IntArray = field(repr=False)
    sizes: IntArray = field(repr=False)
    digests: Digests = field(repr=False)
    stored: Digests = field(repr=False)
    corrupt: IntArray = field(repr=False)
    boxes: Sequence[IntArray] | None = field(repr=False)
    offsets: IntArray | None = field(repr=False)

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        """Travel as a path, which is opened again."""
        return open_pack, (self.root,)

    def __len__(self) -> int:
        return self.header.images

    @cached_property
    def pixels(self) -> Pixels:
        """All images of a store of pixels, uint8 ``[n, channels, H, W]``, read page by page.

        Mapped copy-on-write, since torch takes no array that it might not write to: nothing that is
        written into it reaches the file.
        """
        file = self.root / PIXELS_FILE
        start = _check_pixels(file, self.header)
        mapped = np.memmap(file, np.uint8, "c", start, self.header.shape)
        return mapped.view(np.ndarray)

    def read(self, index: int) -> bytes:
        """Return the bytes of one image of a store of files.

        They are read in place and not from mapped memory, where waiting for the disk would hold up
        every thread of the interpreter.

        Raises:
            ImprintError: the file was cut short meanwhile.
        """
        assert self.offsets is not None
        start, end = self.offsets[index : index + 2].tolist()
        if not hasattr(os, "pread"):  # Windows
            return self._mapped[start:end].tobytes()
        content = os.pread(self._descriptor, end - start, start)
        if len(content) < end - start:
            raise ImprintError(f"{self.root / BYTES_FILE} was cut short: {PACK_AGAIN}")
        return content

    def hold(self) -> None:
        """Open the file of encoded images once, before threads share it."""
        if hasattr(os, "pread"):
            _ = self._descriptor

    @cached_property
    def _mapped(self) -> NDArray[np.uint8]:
        return np.memmap(self.root / BYTES_FILE, np.uint8, "r")

    @cached_property
    def _descriptor(self) -> int:
        return os.open(self.root / BYTES_FILE, _READING)

    def __del__(self) -> None:
        descriptor = self.__dict__.get("_descriptor")
        if descriptor is not None:
            os.close(descriptor)


def open_pack(root: Path) -> Pack:
    """Return a store, all but its images checked: schema, hashes of tables, sizes and offsets.

    Raises:
        ImprintError: it is damaged, not whole, or of another schema.
    """
    header = read_header(root)
    tables = read_tables(root, header)
    _check_tables(root, header, tables)
    names = tables["names"].tobytes().decode("utf-8", "surrogateescape").split("\0")
    strange = next((name for name in names if not is_inside(name)), None)
    if len(names) != header.images or strange is not None:
        problem = f"{len(names)} names" if strange is None else f"the name {strange!r}"
        raise ImprintError(f"{root} is damaged ({problem}): {PACK_AGAIN}")
    is_mapped = header.kind != "files"
    sizes = (
        np.tile(np.array([header.width, header.height], np.int64), (header.images, 1))
        if is_mapped
        else tables["sizes"]
    )
    pack = Pack(
        root,
        header,
        names,
        tables["labels"],
        sizes,
        tables["digests"],
        tables.get("stored", tables["digests"]),
        tables["corrupt"],
        _boxes(tables) if header.box_ends else None,
        None if is_mapped else tables["offsets"],
    )
    _check_images(pack)
    return pack


def _check_tables(root: Path, header: Header, tables: Tables) -> None:
    """Check that every table that is needed is there, of the right type and shape."""
    count = header.images
    expected: dict[str, tuple[type, tuple[int, ...]]] = {
        "labels": (np.int64, (count,)),
        "digests": (np.uint8, (count, DIGEST_BYTES)),
        "corrupt": (np.int64, (-1,)),
        "names": (np.uint8, (-1,)),
    }
    if header.kind == "files":
        expected |= {"sizes": (np.int64, (count, 2)), "offsets": (np.int64, (count + 1,))}
    if "stored" in tables:
        expected["stored"] = (np.uint8, (count, DIGEST_BYTES))
    if header.box_ends is not None:
        expected |= {"box_counts": (np.int64, (count,)), "boxes": (np.int64, (-1, 4))}
    for name, (kind, shape) in expected.items():
        table = tables.get(name)
        fits = (
            table is not None
            and table.dtype == kind
            and len(table.shape) == len(shape)
            and all(wanted in (-1, side) for side, wanted in zip(table.shape, shape, strict=True))
        )
        if not fits:
            raise ImprintError(f"{root} has no table {name} of {count} images: {PACK_AGAIN}")
    for problem, is_so in _faults(header, tables):
        if is_so:
            raise ImprintError(f"{root} is damaged ({problem}): {PACK_AGAIN}")


def _faults(header: Header, tables: Tables) -> list[tuple[str, bool]]:
    labels, corrupt = tables["labels"], tables["corrupt"]
    faults = [
        ("a label names no class", _outside(labels, len(header.classes))),
        ("a corrupt image is none of its images", _outside(corrupt, header.images)),
    ]
    if header.kind == "files":
        sizes, offsets = tables["sizes"], tables["offsets"]
        is_one_after_another = offsets[0] == 0 and (offsets[1:] >= offsets[:-1]).all()
        faults.append(("its offsets do not rise from 0", not is_one_after_another))
        too_large = (sizes < 0) | (sizes > MAX_PIXELS)
        faults.append(("an image has an impossible size", bool(too_large.any())))
    if header.box_ends is not None:
        counts, total = tables["box_counts"], len(tables["boxes"])
        # A count of more than all may make the sum come round to their number.
        adds_up = ((counts >= 0) & (counts <= total)).all() and counts.sum() == total
        faults.append(("its boxes are not as many as counted", not adds_up))
    return faults


def _outside(values: NDArray[Any], end: int) -> bool:
    return bool(((values < 0) | (values >= end)).any())


def _boxes(tables: Tables) -> list[IntArray]:
    return list(np.split(tables["boxes"], np.cumsum(tables["box_counts"])[:-1]))


def _check_images(pack: Pack) -> None:
    """Check that the file of the images is there and as long as the tables say."""
    if pack.offsets is None:
        _check_pixels(pack.root / PIXELS_FILE, pack.header)
        return
    file = pack.root / BYTES_FILE
    expected, actual = int(pack.offsets[-1]), _length(file)
    if actual != expected:
        raise ImprintError(f"{file} has {actual:,} bytes instead of {expected:,}: {PACK_AGAIN}")
    pack.hold()


def _check_pixels(file: Path, header: Header) -> int:
    """Return where the pixels begin in their file."""
    length = _length(file)
    try:
        with file.open("rb") as stream:
            version = npy.read_magic(stream)
            shape, in_columns, dtype = npy.read_array_header_1_0(stream)
            start = stream.tell()
    except Exception as error:  # a damaged header raises nearly anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImprintError(f"{file} is damaged ({reason}): {PACK_AGAIN}") from error
    as_expected = version == (1, 0) and shape == header.shape and dtype == np.uint8
    if not as_expected or in_columns:
        raise ImprintError(
            f"{file} holds {dtype} {list(shape)} instead of {list(header.shape)}: {PACK_AGAIN}"
        )
    expected = start + int(np.prod(np.array(header.shape, dtype=object)))
    if length != expected or not all(header.shape):
        raise ImprintError(f"{file} has {length:,} bytes instead of {expected:,}: {PACK_AGAIN}")
    return start


def _length(file: Path) -> int:
    try:
        return check_regular(file).st_size
    except FileNotFoundError:
        raise ImprintError(f"{file.parent} lacks {file.name}: {PACK_AGAIN}") from None
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
