"""Boxes of users, whatever their files: Pascal VOC, COCO JSON or YOLO text, told by themselves.

A folder of ``.xml`` files holds Pascal VOC boxes, one of ``.txt`` files YOLO boxes; a file holds
COCO instances. COCO and YOLO files name images; the names are compared with those of the images
from their end (:mod:`imprint.data.name_join`), so other roots and flat folders do.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.boxes.boxes import Annotations, read_voc_folder
from imprint.data.boxes.coco_file import read_coco_file
from imprint.data.boxes.yolo_files import is_label_file, parse_yolo, yolo_names
from imprint.data.name_join import match_names

BoxFormat = Literal["Pascal VOC", "COCO JSON", "YOLO text"]
ROUNDING_PX = 0.5
"""By which a box may reach beyond its image where coordinates are rounded shares or sums."""


@dataclass(frozen=True, eq=False)
class NamedImages:
    """What files of boxes are looked up by.

    Attributes:
        paths: relative path of each image.
        labels: int64 ``[n]``, class of each.
        class_folders: name of each class's folder.
    """

    paths: Sequence[str]
    labels: IntArray
    class_folders: Sequence[str]


def box_format(place: Path) -> BoxFormat:
    """Return which kind of boxes a file or folder holds.

    Raises:
        ImprintError: there is nothing, a folder without such files, or one that holds both kinds
            beside each other.
    """
    if not place.exists():
        raise ImprintError(f"no boxes at {place}: check --boxes")
    if not place.is_dir():
        return "COCO JSON"
    holds_json = False
    for folder, folders, files in os.walk(place):
        folders.sort()
        has_xml = any(name.endswith(".xml") for name in files)
        has_text = any(map(is_label_file, files))
        if has_xml and has_text:
            raise ImprintError(
                f"{folder} holds both .xml and .txt files, Pascal VOC and YOLO boxes perhaps: give "
                "a folder with one kind"
            )
        if has_xml or has_text:
            return "Pascal VOC" if has_xml else "YOLO text"
        holds_json |= any(name.endswith(".json") for name in files)
    hint = "; of COCO instances give the JSON file itself" if holds_json else ""
    raise ImprintError(
        f"{place} holds no boxes: expected .xml files (Pascal VOC) or .txt files (YOLO){hint}"
    )


def read_box_files(
    place: Path, kind: BoxFormat, images: NamedImages, sizes: IntArray
) -> Annotations:
    """Return the boxes of images, as they are written.

    Args:
        place: the file or folder.
        kind: of boxes, as :func:`box_format` says.
        images: whose boxes they are.
        sizes: int64 ``[n, 2]``, width and height of every image.

    Raises:
        ImprintError: a damaged file, one of no image or of several, or none for any image.
    """
    if kind == "Pascal VOC":
        stems = [os.path.splitext(path.rsplit("/", 1)[-1])[0] for path in images.paths]
        return read_voc_folder(place, images.class_folders, images.labels, stems)
    read = _coco if kind == "COCO JSON" else _yolo
    annotations = read(place, images.paths, sizes)
    boxes = [_within_rounding(*pair) for pair in zip(annotations.boxes, sizes, strict=True)]
    return Annotations(boxes, annotations.sizes, annotations.missing, annotations.orphans)


def _coco(place: Path, paths: Sequence[str], _: IntArray) -> Annotations:
    content = read_coco_file(place)
    rows = _rows_of(place, content.names, paths)
    boxes, sizes = _no_boxes(len(paths)), np.zeros((len(paths), 2), dtype=np.int64)
    order = np.argsort(content.owner, kind="stable")
    starts = np.searchsorted(content.owner[order], np.arange(len(content.names) + 1))
    for entry, row in enumerate(rows):
        if row is not None:
            boxes[row] = content.boxes[order[starts[entry] : starts[entry + 1]]]
            sizes[row] = content.sizes[entry]
    return _annotations(boxes, sizes, rows)


def _yolo(place: Path, paths: Sequence[str], sizes: IntArray) -> Annotations:
    names = yolo_names(place)
    rows = _rows_of(place, names, paths)
    boxes = _no_boxes(len(paths))
    for name, row in track(zip(names, rows, strict=True), "read boxes", len(names), "file"):
        if row is not None:
            boxes[row] = parse_yolo(place / name) * np.tile(sizes[row], 2)
    return _annotations(boxes, np.zeros((len(paths), 2), dtype=np.int64), rows)


def _rows_of(place: Path, names: Sequence[str], paths: Sequence[str]) -> list[int | None]:
    """Return the image of each name.

    Raises:
        ImprintError: none is of an image, or two are of one.
    """
    rows = match_names(names, paths)
    first: dict[int, str] = {}
    for name, row in zip(names, rows, strict=True):
        if row is not None and first.setdefault(row, name) != name:
            raise ImprintError(
                f"{place}: {first[row]!r} and {name!r} both are about {paths[row]}: remove one"
            )
    if not first:
        example = f", such as {names[0]!r}" if names else ""
        raise ImprintError(
            f"{place} has no boxes for any of the {len(paths)} images, such as {paths[0]}: it "
            f"names {len(names)} others{example}"
        )
    return rows


def _annotations(
    boxes: list[FloatArray], sizes: IntArray, rows: Sequence[int | None]
) -> Annotations:
    matched = sum(row is not None for row in rows)
    return Annotations(boxes, sizes, len(boxes) - matched, len(rows) - matched)


def _no_boxes(count: int) -> list[FloatArray]:
    return [np.empty((0, 4))] * count


def _within_rounding(boxes: FloatArray, size: IntArray) -> FloatArray:
    """Return boxes cut to their image where they reach out by less than ``ROUNDING_PX``."""
    inside = np.clip(boxes, 0, np.tile(size, 2))
    return np.where(np.abs(boxes - inside) < ROUNDING_PX, inside, boxes)
