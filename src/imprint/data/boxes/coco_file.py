"""Boxes in a COCO instances file: one JSON object with ``images`` and ``annotations``.

    {"images": [{"id": 9, "file_name": "000009.jpg", "width": 640, "height": 480}, …],
     "annotations": [{"image_id": 9, "bbox": [x, y, width, height], …}, …]}

Whatever else there is, polygons and run lengths above all, is passed over. A box of any category
counts, crowds too: it covers what is not background.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.reading.json_events import json_events
from imprint.reading.regular import UnreadableFile

MAX_IMAGES = 5_000_000
MAX_BOXES = 50_000_000
MAX_NAME_LETTERS = 4096
MAX_SIDE_PX = 1_000_000
Keys = Mapping[str, tuple[str, ...]]
"""The lists of a file that are read, and the wanted keys of their entries."""

BOX_KEYS: Keys = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("image_id", "bbox"),
}
_NUMBERS_OF_A_BOX = 4


@dataclass(frozen=True, eq=False)
class CocoBoxes:
    """What a COCO file says.

    Attributes:
        names: file names of its images.
        sizes: int64 ``[n, 2]``, width and height of each; (0, 0) where they are not stated.
        owner: int64 ``[m]``, the row of the image of each box.
        boxes: float64 ``[m, 4]`` (x0, y0, x1, y1), x1 and y1 exclusive.
    """

    names: Sequence[str]
    sizes: IntArray
    owner: IntArray
    boxes: FloatArray


def read_coco_file(path: Path) -> CocoBoxes:
    """Return the images and boxes of a COCO instances file.

    Raises:
        ImprintError: it cannot be read, is not such a file, or an entry lacks what it needs, names
            an image that is not listed, or an image that was listed before.
    """
    names: list[str] = []
    sizes, coordinates, owner = array("q"), array("d"), array("q")
    listed: dict[int | str, int] = {}
    codes: dict[int | str, int] = {}
    try:
        for kind, number, entry in coco_entries(path, BOX_KEYS):
            where = f"{path}: {kind}[{number}]"
            if kind == "images":
                identity = identity_of(entry, "id", where)
                if identity in listed:
                    refuse(f"{where} has the id {identity!r} of an image before it")
                if len(names) >= MAX_IMAGES:
                    refuse(f"{path} lists more than {MAX_IMAGES:,} images")
                listed[identity] = len(names)
                names.append(file_name(entry, where))
                sizes.extend(stated_size(entry, where))
            else:
                identity = identity_of(entry, "image_id", where)
                owner.append(codes.setdefault(identity, len(codes)))
                coordinates.extend(corners(entry, where))
                if len(owner) > MAX_BOXES or len(codes) > MAX_IMAGES:
                    refuse(f"{path} has more than {MAX_BOXES:,} boxes or {MAX_IMAGES:,} images")
    except OSError as error:
        raise ImprintError(f"cannot read the boxes {path}: {error.strerror}") from error
    unlisted = next((identity for identity in codes if identity not in listed), None)
    if unlisted is not None:
        refuse(f"{path}: annotations name the image {unlisted!r}, which images does not list")
    rows = np.array([listed[identity] for identity in codes], dtype=np.int64)
    return CocoBoxes(
        names,
        np.array(sizes, dtype=np.int64).reshape(-1, 2),
        rows[np.array(owner, dtype=np.int64)] if len(owner) else np.empty(0, dtype=np.int64),
        np.array(coordinates, dtype=np.float64).reshape(-1, _NUMBERS_OF_A_BOX),
    )


def coco_entries(path: Path, keys: Keys) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield list, number and wanted values of every entry of the lists, in the file's order.

    Raises:
        ImprintError: the file is no such file, or lacks one of the lists.
    """
    depth, number = 0, 0
    section = key = ""
    seen: list[str] = []
    entry: dict[str, Any] = {}
    for event, value in json_events(path):
        if event in ("start_map", "start_array"):
            depth += 1
            is_map = event == "start_map"
            if depth == 1 and not is_map:
                refuse(f"{path} holds a list, not an object with images and annotations")
            if section in keys and depth == 2 and is_map:
                refuse(f"{path}: {section} is an object, not a list")
            if section in keys and depth == 3:
                if not is_map:
                    refuse(f"{path}: {section}[{number}] is a list, not an object")
                entry, key = {}, ""
            elif section in keys and depth == 4 and key in keys[section]:
                _put(path, section, number, entry, key, [] if key == "bbox" and not is_map else {})
        elif event in ("end_map", "end_array"):
            if section in keys and depth == 3:
                yield section, number, entry
                number += 1
            depth -= 1
            if depth == 1:
                section = ""
        elif event == "map_key":
            if depth == 1:
                if value in seen and value in keys:
                    refuse(f"{path}: {value} is there twice")
                section, number = value, 0
                seen += [value] if value in keys else []
            elif depth == 3:
                key = value
        elif depth == 0:
            refuse(f"{path} holds a single value, not an object with images and annotations")
        elif section not in keys:
            continue
        elif depth == 4 and key == "bbox" and isinstance(entry.get("bbox"), list):
            if len(entry["bbox"]) <= _NUMBERS_OF_A_BOX:  # one too many is enough to refuse it
                entry["bbox"].append(value)
        elif depth == 3 and key in keys[section]:
            _put(path, section, number, entry, key, value)
        elif depth < 3:
            refuse(f"{path}: {section} holds a single value, not objects")
    missing = [name for name in keys if name not in seen]
    if missing:
        refuse(f"{path} has no {' and no '.join(missing)}, so it is no COCO instances file")


def _put(
    path: Path, section: str, number: int, entry: dict[str, Any], key: str, value: object
) -> None:
    if key in entry:
        refuse(f"{path}: {section}[{number}] has {key} twice")
    entry[key] = value


def identity_of(entry: dict[str, Any], key: str, where: str) -> int | str:
    """Return the id under a key.

    Raises:
        ImprintError: it is neither a whole number nor a text.
    """
    identity = entry.get(key)
    if isinstance(identity, bool) or not isinstance(identity, (int, str)) or identity == "":
        refuse(f"{where} has no {key} that is a whole number or a text")
    if isinstance(identity, str) and len(identity) > MAX_NAME_LETTERS:
        refuse(f"{where}: {key} has {len(identity):,} letters")
    return identity


def file_name(entry: dict[str, Any], where: str) -> str:
    """Return the name of an image's file.

    Raises:
        ImprintError: there is none that can be one.
    """
    name = entry.get("file_name")
    if not isinstance(name, str) or not name.strip("/\\. ") or len(name) > MAX_NAME_LETTERS:
        refuse(f"{where} has no file_name that can be one")
    return name


def stated_size(entry: dict[str, Any], where: str) -> tuple[int, int]:
    """Return width and height of an image in pixels, (0, 0) where they are not stated.

    Raises:
        ImprintError: they cannot be those of an image.
    """
    sides = entry.get("width"), entry.get("height")
    if None in sides:
        return 0, 0
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, (int, float)) or side != int(side):
            refuse(f"{where} has a width or height that is no whole number of pixels")
        if not 0 <= side <= MAX_SIDE_PX:
            refuse(f"{where} has a width or height of {side:g} pixels")
    width, height = (int(side) for side in sides if side is not None)
    return (width, height) if width and height else (0, 0)


def corners(entry: dict[str, Any], where: str) -> tuple[float, float, float, float]:
    """Return the box of an annotation as (x0, y0, x1, y1).

    Raises:
        ImprintError: it is not four numbers.
    """
    box = entry.get("bbox")
    is_box = isinstance(box, list) and len(box) == _NUMBERS_OF_A_BOX
    if not is_box or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in box or ()):
        refuse(f"{where} has no bbox of four numbers, x, y, width and height")
    x, y, width, height = map(float, box or ())
    return x, y, x + width, y + height


def refuse(fault: str) -> NoReturn:
    """Refuse a file, with what is wrong about it."""
    raise UnreadableFile(f"{fault}: correct the file")
