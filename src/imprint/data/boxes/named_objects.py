"""Objects that a detector saw, with names and scores, from Pascal VOC files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.boxes.boxes import parse_voc
from imprint.data.name_join import match_names
from imprint.reading.xml_files import read_xml


@dataclass(frozen=True)
class NamedObjects:
    """Objects in one image.

    Attributes:
        names: of each of m objects, as written.
        scores: float64 ``[m]``; 1 where a file states none.
        boxes: float64 ``[m, 4]`` (x0, y0, x1, y1), in pixels of the image.
    """

    names: tuple[str, ...]
    scores: FloatArray
    boxes: FloatArray


def read_named_objects(folder: Path, names: Sequence[str]) -> list[NamedObjects | None]:
    """Return the objects of images from the files of a folder, None where an image has no file.

    Args:
        folder: of files ``STEM.xml`` or ``CLASS/STEM.xml``.
        names: of the images, such as ``n01440764/n01440764_18.JPEG``.

    Raises:
        ImprintError: no file of any of the images, one that may be of two of them, or a damaged
            file.
    """
    files = sorted([*folder.glob("*.xml"), *folder.glob("*/*.xml"), *folder.glob("*/*/*.xml")])
    try:
        rows = match_names([file.relative_to(folder).as_posix() for file in files], names)
    except ImprintError as error:
        raise ImprintError(f"{folder}: {error}") from error
    objects: list[NamedObjects | None] = [None] * len(names)
    matched = [(file, row) for file, row in zip(files, rows, strict=True) if row is not None]
    if not matched:
        raise ImprintError(
            f"{folder} has no .xml file of any of the {len(names)} images, {names[0]} first: "
            "files are expected at CLASS/IMAGE.xml"
        )
    for file, row in track(matched, "read objects", len(matched), "file"):
        objects[row] = parse_named_objects(file)
    return objects


def parse_named_objects(file: Path) -> NamedObjects:
    """Return the objects of one file.

    Raises:
        ImprintError: the file cannot be read, is not XML, or an object has no name or box.
    """
    boxes = parse_voc(file).boxes
    items = list(read_xml(file).iter("object"))
    names = [(item.findtext("name") or "").strip() for item in items]
    if not all(names):
        raise ImprintError(f"{file}: an <object> has no <name>: correct or remove it")
    scores = np.array([_score(file, item) for item in items], dtype=np.float64)
    return NamedObjects(tuple(names), scores, boxes)


def _score(file: Path, item: ElementTree.Element) -> float:
    text = item.findtext("score")
    if text is None:
        return 1.0
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise ImprintError(f"{file}: <score> is {text[:40]!r}, not a number: correct or remove it")
    return score
