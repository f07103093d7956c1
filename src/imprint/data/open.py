"""Open a data set: find its layout, list its images, check its boxes."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.boxes.box_files import NamedImages, box_format, read_box_files
from imprint.data.boxes.boxes import (
    NO_BOXES,
    OnBadBox,
    check_boxes,
    grown,
    with_exclusive_ends,
)
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages, find_corrupt
from imprint.data.folder_contents import unread_names
from imprint.data.imageset import ArrayImages, BoxEnds, BoxReading, ImageSet
from imprint.data.packed.images import PackedContents
from imprint.data.places import as_layout, is_there
from imprint.data.sources.registry import ImageListing, layouts

_NAMED = 10
_LAST = ("folder", "huggingface", "webdataset")
"""Layouts taken where no other is there: tables and archives may lie beside images in files."""
_NONE: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Opened:
    """A data set, and what had to be left out or mended to open it.

    Attributes:
        images: the set.
        layout: the name of its layout.
        corrupt: indices of images that cannot be decoded and are left out.
        clamped: indices of images with a box that was cut to the image.
        dropped: indices of images whose annotation could not be repaired and was dropped.
        box_files_missing: images without a box file, where boxes are kept in files.
        box_files_unused: box files without an image.
        box_format: kind of the files of boxes that were named; empty for none.
        unread: files beside the images that are images of kinds that are not read.
    """

    images: ImageSet
    layout: str
    corrupt: IntArray = field(default_factory=lambda: _NONE)
    clamped: IntArray = field(default_factory=lambda: _NONE)
    dropped: IntArray = field(default_factory=lambda: _NONE)
    box_files_missing: int = 0
    box_files_unused: int = 0
    box_format: str = ""
    unread: tuple[str, ...] = ()


def open_images(
    root: Path,
    layout: str = "auto",
    part: str | None = None,
    boxes: Path | None = None,
    on_bad_box: OnBadBox = "error",
    skip_corrupt: bool = False,
    box_ends: BoxEnds | Literal["auto"] = "auto",
    box_margin: int = 0,
) -> ImageSet:
    """Return the images at ``root``; what was left out or corrected is logged.

    Args:
        root: a folder, an array file, ``hf:FOLDER``, or a pattern of shards with braces.
        layout: how it is laid out; ``"auto"`` looks.
        part: which part (train, val, test …); None is the training part.
        boxes: instead of the layout's own boxes: a folder of Pascal VOC files ``CLASS/NAME.xml`` or
            of YOLO text files, or a COCO instances JSON file (:mod:`imprint.data.boxes.box_files`).
        on_bad_box: what to do about a box that does not fit its image.
        skip_corrupt: decode every file once and leave out those that cannot be; the indices of
            all others stay (:func:`imprint.data.files.usable_indices`).
        box_ends: whether the last column and row that a box names belong to it; ``"auto"``: as the
            layout has it, not so in Pascal VOC files (as published), COCO, YOLO and arrays, but in
            the text files of Tiny ImageNet.
        box_margin: pixels by which every box is grown on all sides.

    Raises:
        ImprintError: nothing there, an unknown layout, no images, a class without images, or
            damaged files or boxes.
    """
    opened = inspect_images(
        root, layout, part, boxes, on_bad_box, skip_corrupt, box_ends, box_margin
    )
    for notice in notices(opened):
        log(notice)
    return opened.images


def inspect_images(
    root: Path,
    layout: str = "auto",
    part: str | None = None,
    boxes: Path | None = None,
    on_bad_box: OnBadBox = "error",
    skip_corrupt: bool = False,
    box_ends: BoxEnds | Literal["auto"] = "auto",
    box_margin: int = 0,
) -> Opened:
    """Return what :func:`open_images` does, together with what was left out or mended."""
    place, (root, layout) = root, as_layout(root, layout)
    if not is_there(root):
        raise ImprintError(f"no data at {root}: {_what_to_check(place, root)}")
    if part is not None and (Path(part).is_absolute() or ".." in Path(part).parts):
        raise ImprintError(f"{part!r} is no part of {root}: name one such as train or val")
    name = layout_of(root) if layout == "auto" else layout
    listing = layouts.get(name).open(root, part)
    if not len(listing.images):
        raise ImprintError(f"{root} holds no images: check the path")
    if isinstance(listing.images, EncodedImages):
        images = dataclasses.replace(listing.images, class_folders=listing.class_folders)
        listing = dataclasses.replace(listing, images=images)
    opened = Opened(listing.images, name, unread=_unread(listing.images))
    if isinstance(listing.images, EncodedImages) and _was_decoded(listing.images):
        opened = dataclasses.replace(opened, corrupt=listing.images.corrupt)
    elif skip_corrupt and isinstance(listing.images, EncodedImages):
        corrupt = find_corrupt(listing.images)
        images = dataclasses.replace(listing.images, corrupt=corrupt)
        if len(corrupt) == len(images):
            raise ImprintError(f"none of the {len(images)} images of {root} can be decoded")
        opened = dataclasses.replace(opened, images=images, corrupt=corrupt)
        listing = dataclasses.replace(listing, images=images)
    opened = _with_boxes(opened, listing, boxes, on_bad_box, box_ends)
    return _with_margin(opened, box_margin)


def layout_of(root: Path) -> str:
    """Return the name of the layout of ``root``, which exists.

    Raises:
        ImprintError: it is not a known one.
    """
    specific = [name for name in layouts.names() if name not in _LAST]
    for name in (*specific, *_LAST):
        if layouts.get(name).recognises(root):
            return name
    if root.is_dir() and not os.listdir(root):
        raise ImprintError(f"{root} is empty: check the path")
    raise ImprintError(
        f"cannot tell how {root} is laid out: none of "
        + ", ".join(f"{layouts.get(name).looks_like} ({name})" for name in layouts.names())
        + " is there"
    )


def notices(opened: Opened) -> list[str]:
    """Return one sentence for every kind of thing that was left out or mended."""
    images = opened.images
    sentences = [
        _named(images, opened.corrupt, "left out, cannot be decoded"),
        _named(images, opened.clamped, "had a box cut to the image"),
        _named(images, opened.dropped, "lost an annotation that cannot be repaired"),
    ]
    if opened.unread:
        kinds = ", ".join(sorted({os.path.splitext(file)[1].lower() for file in opened.unread}))
        sentences.append(
            f"{images.name}: {len(opened.unread)} images are of kinds that imprint does not read "
            f"({kinds}) and were left out, {opened.unread[0]} first: save them as JPEG or PNG"
        )
    entry = "COCO entry" if opened.box_format == "COCO JSON" else "box file"
    entries = "COCO entries" if opened.box_format == "COCO JSON" else "box files"
    if opened.box_format:
        boxes = images.boxes() or ()
        sentences.append(
            f"{images.name}: boxes read as {opened.box_format}: {sum(map(len, boxes))} boxes in "
            f"{sum(len(table) > 0 for table in boxes)} images"
        )
    if opened.box_files_missing:
        sentences.append(
            f"{images.name}: {opened.box_files_missing} of {len(images)} images have no {entry}"
        )
    if opened.box_files_unused:
        sentences.append(f"{images.name}: {opened.box_files_unused} {entries} belong to no image")
    return [notice for notice in sentences if notice]


def _was_decoded(images: EncodedImages) -> bool:
    """Return whether every image but those left out as corrupt was decoded once, when packed."""
    return isinstance(images.contents, PackedContents)


def _unread(images: ImageSet) -> tuple[str, ...]:
    if not isinstance(images, EncodedImages) or not isinstance(images.contents, ImageFiles):
        return ()
    files = images.contents
    folders = dict.fromkeys(os.path.dirname(path) for path in images.paths)
    return tuple(
        os.path.join(folder, name)
        for folder in folders
        for name in unread_names(files.root / folder)
    )


def _named(images: ImageSet, indices: IntArray, what: str) -> str:
    if not len(indices):
        return ""
    names = ", ".join(images.name_of(index) for index in indices[:_NAMED].tolist())
    more = f" and {len(indices) - _NAMED} more" if len(indices) > _NAMED else ""
    return f"{images.name}: {len(indices)} of {len(images)} images {what}: {names}{more}"


def _with_boxes(
    opened: Opened,
    listing: ImageListing,
    named_place: Path | None,
    on_bad_box: OnBadBox,
    box_ends: BoxEnds | Literal["auto"],
) -> Opened:
    """Return the images with boxes that were checked against their sizes."""
    images = listing.images
    written, stated, ends = listing.boxes, None, listing.box_ends
    place = named_place or listing.voc_folder
    if place is not None:
        if not isinstance(images, EncodedImages):
            raise ImprintError(
                f"{images.name} holds arrays, which have no names to look up in {place}: "
                "put the boxes into the array file"
            )
        kind = box_format(place)
        named = NamedImages(images.paths, images.labels, listing.class_folders)
        annotations = read_box_files(place, kind, named, images.sizes())
        written, stated, ends = annotations.boxes, annotations.sizes, "exclusive"
        opened = dataclasses.replace(
            opened,
            box_files_missing=annotations.missing,
            box_files_unused=annotations.orphans,
            box_format=kind if named_place else "",
        )
    if written is None:
        return opened
    ends = ends if box_ends == "auto" else box_ends
    tables = with_exclusive_ends(_without(written, opened.corrupt), ends)
    sizes = images.sizes()
    checked = check_boxes(tables, sizes, images.name_of, on_bad_box, stated)
    if isinstance(images, EncodedImages):
        images = dataclasses.replace(images, known_sizes=sizes)
    reading = BoxReading(ends, 0)
    assert isinstance(images, (EncodedImages, ArrayImages))
    images = dataclasses.replace(images, object_boxes=checked.boxes, box_reading=reading)
    return dataclasses.replace(
        opened, images=images, clamped=checked.clamped, dropped=checked.dropped
    )


def _what_to_check(place: Path, root: Path) -> str:
    if place == root:
        return "check the path"
    return "hf: is followed by a folder of this machine, and nothing is downloaded from the Hub"


def _with_margin(opened: Opened, margin: int) -> Opened:
    if margin < 0:
        raise ImprintError(f"--box-margin is {margin}: it must not be negative")
    images = opened.images
    assert isinstance(images, (EncodedImages, ArrayImages))
    if images.object_boxes is None or images.box_reading is None:
        if margin:
            raise ImprintError(f"{images.name} has no boxes to grow: leave out --box-margin")
        return opened
    larger = grown(images.object_boxes, images.sizes(), margin)
    reading = dataclasses.replace(images.box_reading, margin=margin)
    images = dataclasses.replace(images, object_boxes=larger, box_reading=reading)
    return dataclasses.replace(opened, images=images)


def _without(boxes: Sequence[FloatArray], corrupt: IntArray) -> list[FloatArray]:
    kept = list(boxes)
    for row in corrupt.tolist():
        kept[row] = NO_BOXES.astype(np.float64)
    return kept
