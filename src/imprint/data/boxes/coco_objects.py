"""Objects in a COCO instances file with their categories, and the images they are in.

Beside what :mod:`imprint.data.boxes.coco_file` reads, ``categories`` with ``id`` and ``name``, and
of each annotation ``category_id`` and ``iscrowd``.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.boxes.coco_file import (
    BOX_KEYS,
    MAX_BOXES,
    MAX_IMAGES,
    MAX_NAME_LETTERS,
    coco_entries,
    corners,
    file_name,
    identity_of,
    refuse,
)
from imprint.data.files import FileImages

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


def open_coco(folder: Path, file: Path) -> tuple[FileImages, Objects]:
    """Return the images that a COCO file lists, in a folder, and their objects.

    Args:
        folder: that the file names start from.
        file: of instances.

    Raises:
        ImprintError: the file is damaged or names what it does not list, or an image is missing.
    """
    try:
        names, owner, boxes, category, crowd, categories = _read(file)
    except OSError as error:
        raise ImprintError(f"cannot read the boxes {file}: {error.strerror}") from error
    if not names:
        refuse(f"{file} lists no images")
    absent = next((name for name in names if not _is_inside(folder, name)), None)
    if absent is not None:
        raise ImprintError(f"{file} lists {absent}, which is not in {folder}: check --data")
    labels = np.zeros(len(names), dtype=np.int64)
    images = FileImages(folder, names, labels, ("image",), folder.name or "images")
    sides = np.tile(images.sizes()[owner], 2).astype(np.float64)
    return images, Objects(owner, boxes / sides, category, crowd, categories)


def _is_inside(folder: Path, name: str) -> bool:
    parts = PurePath(name)
    return not parts.is_absolute() and ".." not in parts.parts and (folder / name).is_file()


def _read(
    file: Path,
) -> tuple[Sequence[str], IntArray, FloatArray, IntArray, BoolArray, tuple[str, ...]]:
    names: dict[int | str, str] = {}
    categories: dict[int | str, str] = {}
    owners: list[int | str] = []
    kinds: list[int | str] = []
    coordinates, crowds = array("d"), array("b")
    for kind, number, entry in coco_entries(file, OBJECT_KEYS):
        where = f"{file}: {kind}[{number}]"
        if kind == "annotations":
            owners.append(identity_of(entry, "image_id", where))
            kinds.append(identity_of(entry, "category_id", where))
            coordinates.extend(corners(entry, where))
            crowds.append(entry.get("iscrowd") in (1, True))
        else:
            listed = names if kind == "images" else categories
            identity = identity_of(entry, "id", where)
            if identity in listed:
                refuse(f"{where} has the id {identity!r} of another before it")
            named = file_name(entry, where) if kind == "images" else _category(entry, where)
            listed[identity] = named
        if len(names) > MAX_IMAGES or len(owners) > MAX_BOXES or len(categories) > MAX_CATEGORIES:
            refuse(f"{file} has more images, boxes or categories than are read")
    order = sorted(categories, key=lambda each: (isinstance(each, str), each))
    boxes = np.array(coordinates, dtype=np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        refuse(f"{file} has a bbox that is infinite or not a number")
    return (
        list(names.values()),
        _rows(file, owners, list(names), "image", "images"),
        boxes,
        _rows(file, kinds, order, "category", "categories"),
        np.array(crowds, dtype=bool),
        tuple(categories[each] for each in order),
    )


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
