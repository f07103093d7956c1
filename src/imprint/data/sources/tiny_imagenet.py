"""Tiny ImageNet: 64 × 64 images, one box each, in text files.

``train/WNID/images/WNID_7.JPEG`` with ``train/WNID/WNID_boxes.txt`` (name, x0, y0, x1, y1), and
``val/images/val_7.JPEG`` with ``val/val_annotations.txt`` (name, wnid, x0, y0, x1, y1). Boxes name
the last pixel they hold: a whole image is 0 0 63 63. Classes
are called by the first synonym in ``words.txt``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages
from imprint.data.folder_contents import folder_names, image_names
from imprint.data.sources.folder import list_classes, set_name
from imprint.data.sources.registry import ImageListing, Layout, class_names, layouts, read_lines


def open_tiny_imagenet(root: Path, part: str | None) -> ImageListing:
    """List the images and boxes of the training or the validation part.

    Validation images are sorted by class, then by name, like training images, and have the labels
    of the training part.

    Raises:
        ImprintError: a part other than ``train`` or ``val``, files missing, or a malformed line.
    """
    if part not in (None, "train", "val"):
        raise ImprintError(
            f"{root} is Tiny ImageNet, which has labels for train and val only, not for {part!r}"
        )
    return _open_val(root) if part == "val" else _open_train(root)


def _open_train(root: Path) -> ImageListing:
    base = root / "train"
    wnids = folder_names(base)
    names = class_names(wnids, root / "words.txt")
    listing = list_classes(root, base, wnids, inside="images", classes=names)
    boxes: dict[str, FloatArray] = {}
    for wnid in wnids:
        for name, _, box in _read_boxes(base / wnid / f"{wnid}_boxes.txt", columns=5):
            boxes[f"{wnid}/images/{name}"] = box
    return _with_boxes(listing, boxes)


def _open_val(root: Path) -> ImageListing:
    base = root / "val"
    file = base / "val_annotations.txt"
    rows = {name: (wnid, box) for name, wnid, box in _read_boxes(file, columns=6)}
    files = image_names(base / "images")
    unlisted = next((name for name in files if name not in rows), None)
    if unlisted is not None or not files:
        problem = f"does not list images/{unlisted}" if files else "has no images beside it"
        raise ImprintError(f"{file} {problem}: download the part again")
    in_use = {wnid for wnid, _ in rows.values()}
    wnids = folder_names(root / "train") or sorted(in_use)
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    strangers = in_use.difference(label_of)
    if strangers:
        raise ImprintError(f"{file} names the class {min(strangers)}, which {root}/train lacks")
    files.sort(key=lambda name: (rows[name][0], name))
    images = EncodedImages(
        ImageFiles(base, [f"images/{name}" for name in files]),
        np.array([label_of[rows[name][0]] for name in files], dtype=np.int64),
        class_names(wnids, root / "words.txt"),
        set_name(root),
    )
    boxes = {f"images/{name}": rows[name][1] for name in files}
    return _with_boxes(ImageListing(images, tuple(wnids)), boxes)


def _with_boxes(listing: ImageListing, boxes: dict[str, FloatArray]) -> ImageListing:
    assert isinstance(listing.images, EncodedImages)
    none = np.empty((0, 4))
    written = [boxes.get(path, none) for path in listing.images.paths]
    return replace(listing, boxes=written, box_ends="inclusive")


def _read_boxes(file: Path, columns: int) -> list[tuple[str, str, FloatArray]]:
    """Return (name, second column, box ``[1, 4]`` as written) of every line."""
    rows = []
    for number, line in enumerate(read_lines(file), start=1):
        words = line.split()
        if not words:
            continue
        try:
            x0, y0, x1, y1 = (float(word) for word in words[columns - 4 :])
        except ValueError:
            raise ImprintError(
                f"{file}, line {number}: expected {columns} columns, the last four numbers, "
                f"got {line!r}"
            ) from None
        rows.append((words[0], words[1], np.array([[x0, y0, x1, y1]])))
    return rows


def _recognises(root: Path) -> bool:
    train = folder_names(root / "train")
    if train:
        return bool(image_names(root / "train" / train[0] / "images"))
    return (root / "val" / "val_annotations.txt").is_file()


layouts.register("tiny_imagenet")(
    Layout("train/n01443537/images/n01443537_0.JPEG", _recognises, open_tiny_imagenet)
)
