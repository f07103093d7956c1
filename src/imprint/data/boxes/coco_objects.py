"""Objects in a COCO instances file with their categories, and the images they are in.

Beside what :mod:`imprint.data.boxes.coco_file` reads, ``categories`` with ``id`` and ``name``, and
of each annotation ``category_id`` and ``iscrowd``. A box without area, of which published files
have a few, is left out and counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.boxes.coco_file import (
    BOX_KEYS,
    MAX_BOXES,
    MAX_IMAGES,
    MAX_NAME_LETTERS,
    MAX_SIDE_PX,
    coco_entries,
    corners,
    file_name,
    identity_of,
    refuse,
    stated_size,
)
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages

OBJECT_KEYS = {
    **BOX_KEYS,
    "annotations": (*BOX_KEYS["annotations"], "category_id", "iscrowd"),
    "categories": ("id", "name"),
}
MAX_CATEGORIES = 100_000


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects in images.

    Attributes:
        owner: int64 ``[m]``, the image of each.
        boxes: float64 ``[m, 4]`` (x0, y0, x1, y1) in shares of width and height of the image.
        category: int64 ``[m]``, rows of ``categories``.
        crowd: bool ``[m]``, which stand for many objects in one box.
        categories: names, by rising id.
    """

    owner: IntArray
    boxes: FloatArray
    category: IntArray
    crowd: BoolArray
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.owner)

    def of(self, images: IntArray) -> Objects:
        """Return the objects of some images, all different, numbered anew in their order."""
        count = int(max(self.owner.max(initial=-1), images.max(initial=-1))) + 1
        place = np.full(count, -1, dtype=np.int64)
        place[images] = np.arange(len(images))
        kept = place[self.owner] >= 0
        return Objects(
            place[self.owner[kept]],
            self.boxes[kept],
            self.category[kept],
            self.crowd[kept],
            self.categories,
        )


@dataclass(frozen=True, eq=False)
class _Listing:
    """What a file lists: images, their stated sizes, and objects with boxes in pixels."""

    names: Sequence[str]
    stated: IntArray
    objects: Objects


def open_coco(folder: Path, file: Path) -> tuple[EncodedImages, Objects]:
    """Return the images that a COCO file lists, in a folder, and their objects.

    Args:
        folder: that the file names start from.
        file: of instances.

    Raises:
        ImprintError: the file is damaged or names what it does not list, an image is missing or
            of another size than stated, or a box is outside its image.
    """
    try:
        listing = _read(file)
    except OSError as error:
        raise ImprintError(f"cannot read the boxes {file}: {error.strerror}") from error
    names = listing.names
    if not names:
        refuse(f"{file} lists no images")
    absent = next((name for name in names if not _is_inside(folder, name)), None)
    if absent is not None:
        raise ImprintError(f"{file} lists {absent}, which is not in {folder}: check --data")
    labels = np.zeros(len(names), dtype=np.int64)
    images = EncodedImages(ImageFiles(folder, names), labels, ("image",), folder.name or "images")
    _check_sizes(listing, images.sizes(), file)
    return images, _as_shares(listing, images.sizes(), file)


def _check_sizes(listing: _Listing, sizes: IntArray, file: Path) -> None:
    """Check that images have the size that annotations were made for, where it is stated."""
    other = listing.stated.any(axis=1) & (listing.stated != sizes).any(axis=1)
    for row in np.flatnonzero(other)[:1]:
        actual, stated = (" × ".join(map(str, each[row])) for each in (sizes, listing.stated))
        raise ImprintError(
            f"{listing.names[row]} has {actual} pixels and {file} states {stated}, so its boxes do "
            "not fit: give the images that were annotated"
        )


def _as_shares(listing: _Listing, sizes: IntArray, file: Path) -> Objects:
    """Return the objects that have an area, their boxes in shares of their image."""
    objects, boxes = listing.objects, listing.objects.boxes
    sides = np.tile(sizes[objects.owner], 2).astype(np.float64)
    outside = ((boxes[:, :2] >= sides[:, :2]) | (boxes[:, 2:] <= 0)).any(axis=1)
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    for row in np.flatnonzero(outside & has_area)[:1]:
        refuse(f"{file} has a box that lies outside its image {listing.names[objects.owner[row]]}")
    if not has_area.all():
        log(f"{int((~has_area).sum())} boxes in {file} have no width or height: left out")
    return Objects(
        objects.owner[has_area],
        (boxes / sides)[has_area],
        objects.category[has_area],
        objects.crowd[has_area],
        objects.categories,
    )


def _is_inside(folder: Path, name: str) -> bool:
    parts = PurePath(name)
    if parts.is_absolute() or ".." in parts.parts:
        return False
    try:
        return (folder / name).is_file()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False


def _read(file: Path) -> _Listing:
    names: dict[int | str, str] = {}
    files: set[str] = set()
    categories: dict[int | str, str] = {}
    owners: list[int | str] = []
    kinds: list[int | str] = []
    coordinates, crowds, stated = array("d"), array("b"), array("q")
    for kind, number, entry in coco_entries(file, OBJECT_KEYS):
        where = f"{file}: {kind}[{number}]"
        if kind == "annotations":
            owners.append(identity_of(entry, "image_id", where))
            kinds.append(identity_of(entry, "category_id", where))
            coordinates.extend(_box(entry, where))
            crowds.append(_is_crowd(entry, where))
        else:
            listed = names if kind == "images" else categories
            identity = identity_of(entry, "id", where)
            if identity in listed:
                refuse(f"{where} has the id {identity!r} of another before it")
            named = file_name(entry, where) if kind == "images" else _category(entry, where)
            if kind == "images":
                if named in files:
                    refuse(f"{where} names the file {named} of another before it")
                files.add(named)
                stated.extend(stated_size(entry, where))
            listed[identity] = named
        if len(names) > MAX_IMAGES or len(owners) > MAX_BOXES or len(categories) > MAX_CATEGORIES:
            refuse(f"{file} has more images, boxes or categories than are read")
    order = sorted(categories, key=lambda each: (isinstance(each, str), each))
    return _Listing(
        list(names.values()),
        np.array(stated, dtype=np.int64).reshape(-1, 2),
        Objects(
            _rows(file, owners, list(names), "image", "images"),
            np.array(coordinates, dtype=np.float64).reshape(-1, 4),
            _rows(file, kinds, order, "category", "categories"),
            np.array(crowds, dtype=bool),
            tuple(categories[each] for each in order),
        ),
    )


def _box(entry: dict[str, object], where: str) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box = corners(entry, where)
    if x1 < x0 or y1 < y0:
        refuse(f"{where} has a bbox of negative width or height")
    if not all(abs(each) <= MAX_SIDE_PX for each in box):
        refuse(f"{where} has a bbox beyond {MAX_SIDE_PX:,} pixels")
    return box


def _is_crowd(entry: dict[str, object], where: str) -> bool:
    value = entry.get("iscrowd")
    if value not in (None, 0, 1):
        refuse(f"{where} has an iscrowd that is neither 0 nor 1")
    return bool(value)


def _category(entry: dict[str, object], where: str) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME_LETTERS:
        refuse(f"{where} has no name")
    return name


def _rows(
    file: Path, asked: Sequence[int | str], listed: Sequence[int | str], what: str, section: str
) -> IntArray:
    places = {identity: row for row, identity in enumerate(listed)}
    unlisted = next((each for each in asked if each not in places), None)
    if unlisted is not None:
        refuse(f"{file}: annotations name the {what} {unlisted!r}, which {section} does not list")
    return np.array([places[each] for each in asked], dtype=np.int64)
