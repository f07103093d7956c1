"""Object boxes: Pascal VOC files, and the check of boxes against the sizes of their images.

A box says where the object is, so that the rest of the image can be called background. A wrong
box would let the object into the background and look like memorization; so boxes that do not
fit stop the work, or, when clamping is chosen, are cut to their image and counted. An image with
a box that cutting cannot repair counts as not annotated.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.imageset import BoxEnds
from imprint.reading.xml_files import read_xml

OnBadBox = Literal["error", "clamp"]

_COUNT = re.compile(r"[0-9]{1,9}")
NO_BOXES = np.empty((0, 4), dtype=np.int64)
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class CheckedBoxes:
    """Boxes that lie in their images, and what had to be done for that.

    Attributes:
        boxes: one int64 ``[m, 4]`` array an image (x0, y0, x1, y1), x1 and y1 exclusive.
        clamped: indices of images with a box that was cut to the image, sorted.
        dropped: indices of images whose annotation could not be repaired; they have no boxes now.
    """

    boxes: list[IntArray]
    clamped: IntArray
    dropped: IntArray


def with_exclusive_ends(boxes: Sequence[ArrayLike], ends: BoxEnds) -> list[FloatArray]:
    """Return boxes ``[m, 4]`` whose x1 and y1 are one beyond the last column and row.

    >>> with_exclusive_ends([[[0, 0, 63, 63]]], "inclusive")[0].tolist()
    [[0.0, 0.0, 64.0, 64.0]]
    """
    reach = np.array([0.0, 0.0, 1.0, 1.0]) * (ends == "inclusive")
    return [np.asarray(table, dtype=np.float64).reshape(-1, 4) + reach for table in boxes]


def grown(boxes: Sequence[IntArray], sizes: IntArray, margin: int) -> list[IntArray]:
    """Return boxes that are larger by ``margin`` pixels on each side, within their images.

    >>> grown([np.array([[2, 8, 5, 9]])], np.array([[10, 10]]), 3)[0].tolist()
    [[0, 5, 8, 10]]
    """
    return [
        np.clip(table + margin * np.array([-1, -1, 1, 1]), 0, np.tile(size, 2))
        for table, size in zip(boxes, sizes, strict=True)
    ]


@dataclass(frozen=True)
class Annotation:
    """One Pascal VOC file.

    Attributes:
        boxes: float64 ``[m, 4]`` (xmin, ymin, xmax, ymax), as written.
        size: (width, height) that the file states for its image; None when it states none.
    """

    boxes: FloatArray
    size: tuple[int, int] | None


@dataclass(frozen=True)
class Annotations:
    """What a folder of Pascal VOC files says about a list of images.

    Attributes:
        boxes: one float64 ``[m, 4]`` array an image, ``m = 0`` for an image without a file.
        sizes: int64 ``[n, 2]``, the size each file states; (0, 0) where none is stated.
        missing: number of images without a file.
        orphans: number of files without an image.
    """

    boxes: list[FloatArray]
    sizes: IntArray
    missing: int
    orphans: int


def check_boxes(
    boxes: Sequence[ArrayLike],
    sizes: IntArray,
    name_of: Callable[[int], str],
    on_bad_box: OnBadBox = "error",
    stated_sizes: IntArray | None = None,
) -> CheckedBoxes:
    """Return boxes as whole pixels inside their images.

    Fractions are rounded outwards, so that a box never shrinks.

    Args:
        boxes: one ``[m, 4]`` array an image (x0, y0, x1, y1), x1 and y1 exclusive.
        sizes: int64 ``[n, 2]``, width and height of every image.
        name_of: the name of an image, for messages.
        on_bad_box: stop at the first bad box, or clamp it to its image.
        stated_sizes: int64 ``[n, 2]``, what the annotation believes the size to be; (0, 0) for
            unknown. Boxes of an image of another size are bad, and no clamping repairs them.

    Raises:
        ImprintError: a box is not made of numbers, inverted, empty, out of its image or drawn on
            an image of another size, and ``on_bad_box`` is ``"error"``; or there is not one list of
            boxes an image.
    """
    if len(boxes) != len(sizes):
        raise ImprintError(f"{len(sizes)} images need as many lists of boxes, got {len(boxes)}")
    tables = [np.asarray(table, dtype=np.float64).reshape(-1, 4) for table in boxes]
    counts = np.array([len(table) for table in tables], dtype=np.int64)
    owner = np.repeat(np.arange(len(tables)), counts)
    flat = np.concatenate(tables) if tables else np.empty((0, 4))
    extent = np.tile(sizes[owner], 2).astype(np.float64)

    whole = np.concatenate([np.floor(flat[:, :2]), np.ceil(flat[:, 2:])], axis=1)
    inside = np.clip(whole, 0, extent)
    faults = _faults(flat, whole, inside, sizes[owner], stated_sizes, owner)
    faulty = np.logical_or.reduce(list(faults.values()))
    if on_bad_box == "error" and faulty.any():
        row = int(np.flatnonzero(faulty)[0])
        fault = next(name for name, mask in faults.items() if mask[row])
        width, height = sizes[owner[row]]
        raise ImprintError(
            f"{name_of(int(owner[row]))}: box ({', '.join(f'{value:g}' for value in flat[row])}) "
            f"{fault} (the image is {width} × {height}): correct the annotation, or clamp bad "
            "boxes (--on-bad-box clamp)"
        )
    clamped = faults.pop(_OUTSIDE)
    beyond_repair = np.logical_or.reduce(list(faults.values()))
    dropped = np.unique(owner[beyond_repair])
    counts[dropped] = 0
    kept = inside[~np.isin(owner, dropped)].astype(np.int64)
    ends = np.cumsum(counts).tolist()
    return CheckedBoxes(
        [
            kept[end - count : end] if count else NO_BOXES
            for count, end in zip(counts.tolist(), ends, strict=True)
        ],
        clamped=np.setdiff1d(owner[clamped], dropped),
        dropped=dropped,
    )


_OUTSIDE = "reaches out of its image"


def _faults(
    flat: FloatArray,
    whole: FloatArray,
    inside: FloatArray,
    sizes: IntArray,
    stated_sizes: IntArray | None,
    owner: IntArray,
) -> dict[str, NDArray[np.bool_]]:
    """Return, for every kind of fault, which boxes have it; the gravest first."""
    start, end = flat[:, :2], flat[:, 2:]
    finite = np.isfinite(flat).all(axis=1)
    stated = np.zeros_like(sizes) if stated_sizes is None else stated_sizes[owner]
    return {
        "is not made of numbers": ~finite,
        "is inverted": finite & (start > end).any(axis=1),
        "is empty": finite & (start == end).any(axis=1),
        "lies outside its image": finite & (inside[:, :2] >= inside[:, 2:]).any(axis=1),
        "was drawn on an image of another size": (stated > 0).all(axis=1)
        & (stated != sizes).any(axis=1),
        _OUTSIDE: finite & (whole != inside).any(axis=1),
    }


def parse_voc(file: Path) -> Annotation:
    """Return the boxes of one Pascal VOC file: ``annotation/object[*]/bndbox``.

    Raises:
        ImprintError: the file cannot be read, is not XML, or an object has no box of numbers.
    """
    try:
        root = read_xml(file)
    except OSError as error:
        raise ImprintError(f"cannot read the boxes {file}: {error.strerror}") from error
    rows = [
        [_number(file, bndbox, corner) for corner in _CORNERS]
        for bndbox in (_child(file, item, "bndbox") for item in root.iter("object"))
    ]
    return Annotation(np.array(rows, dtype=np.float64).reshape(-1, 4), _stated_size(root))


def read_voc_folder(
    folder: Path, class_folders: Sequence[str], labels: IntArray, stems: Sequence[str]
) -> Annotations:
    """Return the boxes of images from the files ``folder/CLASS/STEM.xml``.

    Args:
        folder: holds one folder a class, directly or under ``Annotation`` or ``Annotations``.
        class_folders: name of each class's folder.
        labels: int64 ``[n]``, the class of each image.
        stems: file name of each image, without extension.

    Raises:
        ImprintError: no such folder, none of its files belongs to an image, one may belong to two
            (``1.jpg`` and ``1.png`` of one class), or a malformed file.
    """
    root = _voc_root(folder, class_folders)
    boxes: list[FloatArray] = [np.empty((0, 4))] * len(labels)
    sizes = np.zeros((len(labels), 2), dtype=np.int64)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(len(class_folders) + 1))
    files = orphans = 0
    for label in track(range(len(class_folders)), "read boxes", len(class_folders), "class"):
        mine = order[starts[label] : starts[label + 1]].tolist()
        uses = Counter(stems[row] for row in mine)
        by_stem = {stems[row]: row for row in mine}
        for stem in _xml_stems(root / class_folders[label]):
            row = by_stem.get(stem)
            if row is None:
                orphans += 1
                continue
            if uses[stem] > 1:
                raise ImprintError(
                    f"{root / class_folders[label] / stem}.xml may belong to any of {uses[stem]} "
                    "images of that name, which differ only in their suffix: rename them"
                )
            annotation = parse_voc(root / class_folders[label] / f"{stem}.xml")
            boxes[row] = annotation.boxes
            sizes[row] = annotation.size or (0, 0)
            files += 1
    if not files:
        raise ImprintError(
            f"{folder} has no box file for any of the {len(labels)} images: expected "
            f"{folder / class_folders[0] / stems[0]}.xml and so on"
        )
    return Annotations(boxes, sizes, missing=len(labels) - files, orphans=orphans)


def _voc_root(folder: Path, class_folders: Sequence[str]) -> Path:
    if not folder.is_dir():
        raise ImprintError(f"no folder of boxes at {folder}: check --boxes")
    for root in (folder, folder / "Annotation", folder / "Annotations"):
        if any((root / name).is_dir() for name in class_folders):
            return root
    raise ImprintError(
        f"{folder} has no folder named like a class, e.g. {class_folders[0]}: "
        "boxes are expected at CLASS/IMAGE.xml"
    )


def _xml_stems(folder: Path) -> list[str]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(name[:-4] for name in names if name.endswith(".xml"))


def _child(file: Path, element: ElementTree.Element, name: str) -> ElementTree.Element:
    child = element.find(name)
    if child is None:
        raise ImprintError(f"{file}: <{element.tag}> has no <{name}>: correct or remove it")
    return child


def _number(file: Path, bndbox: ElementTree.Element, corner: str) -> float:
    text = _child(file, bndbox, corner).text or ""
    try:
        return float(text)
    except ValueError:
        raise ImprintError(
            f"{file}: <{corner}> is {text[:40]!r}, not a number of pixels: correct or remove it"
        ) from None


def _stated_size(root: ElementTree.Element) -> tuple[int, int] | None:
    width, height = (root.findtext(f"size/{name}", "").strip() for name in ("width", "height"))
    if not (_COUNT.fullmatch(width) and _COUNT.fullmatch(height)):
        return None
    return (int(width), int(height)) if int(width) and int(height) else None
