"""CIFAR-10 and CIFAR-100 as published: pickled batches of 32 × 32 images (Krizhevsky 2009).

A pickle can run any program when it is unpickled, so these are interpreted instead
(:mod:`imprint.reading.pickled_arrays`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, layouts
from imprint.reading.pickled_arrays import read_pickled

SIDE = 32

_TEN = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
_HUNDRED = {"train": ("train",), "test": ("test",)}
_FOLDERS = ("", "cifar-10-batches-py", "cifar-100-python")


def open_cifar(root: Path, part: str | None) -> ImageListing:
    """Return the images of the training or the test part, in the order of the batches.

    Raises:
        ImprintError: a part other than ``train`` or ``test``, or a batch that is missing, damaged
            or holds anything but arrays.
    """
    part = part or "train"
    folder = _find(root)
    if folder is None:
        raise ImprintError(f"{root} holds no CIFAR batches: expected {root / 'data_batch_1'}")
    is_ten = (folder / "batches.meta").is_file()
    batches, meta, names, labels = (
        (_TEN, "batches.meta", b"label_names", b"labels")
        if is_ten
        else (_HUNDRED, "meta", b"fine_label_names", b"fine_labels")
    )
    if part not in batches:
        raise ImprintError(f"{root} is CIFAR, which has the parts train and test, not {part!r}")
    files = [folder / name for name in batches[part]]
    classes = _read_names(folder / meta, names)
    arrays = [_read_batch(file, labels, len(classes)) for file in files]
    images = ArrayImages(
        np.concatenate([pixels for pixels, _ in arrays]),
        np.concatenate([truth for _, truth in arrays]),
        classes,
        set_name(root),
    )
    return ImageListing(images)


def read_dictionary(file: Path) -> dict[bytes | str, Any]:
    """Return the dictionary in a pickle of plain values and arrays of bytes.

    Raises:
        ImprintError: the file cannot be read, is damaged, or names anything but such arrays.
    """
    try:
        content = read_pickled(file)
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
    if not isinstance(content, dict):
        raise ImprintError(f"{file} is not a CIFAR file: expected a dictionary")
    return content


def _value(content: dict[bytes | str, Any], key: bytes) -> Any:
    """Return a value by its name, which is bytes in files of Python 2 and text in those of 3."""
    return content.get(key, content.get(key.decode("ascii")))


def _read_batch(file: Path, label_key: bytes, classes: int) -> tuple[Pixels, IntArray]:
    content = read_dictionary(file)
    flat, labels = _value(content, b"data"), _value(content, label_key)
    if (
        not isinstance(flat, np.ndarray)
        or not isinstance(labels, list)
        or flat.dtype != np.uint8
        or flat.shape != (len(labels), 3 * SIDE * SIDE)
    ):
        raise ImprintError(
            f"{file} is not a CIFAR batch: expected uint8 data [n, 3072] and n labels"
        )
    wrong = next((label for label in labels if type(label) is not int), None)
    if wrong is not None:
        raise ImprintError(
            f"{file}: label {wrong!r} is not a whole number: download the file again"
        )
    if labels and not 0 <= min(labels) <= max(labels) < classes:
        raise ImprintError(
            f"{file}: labels go from {min(labels)} to {max(labels)}, but there are {classes} "
            "classes: download the file again"
        )
    return flat.reshape(-1, 3, SIDE, SIDE), np.asarray(labels, dtype=np.int64)


def _read_names(file: Path, key: bytes) -> tuple[str, ...]:
    names = _value(read_dictionary(file), key)
    if not isinstance(names, list) or not all(isinstance(name, (bytes, str)) for name in names):
        raise ImprintError(f"{file} does not name the classes: download it again")
    return tuple(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names
    )


def _find(root: Path) -> Path | None:
    for folder in (root / name for name in _FOLDERS):
        if (folder / "batches.meta").is_file() or (
            (folder / "meta").is_file() and (folder / "train").is_file()
        ):
            return folder
    return None


layouts.register("cifar")(Layout("data_batch_1", lambda root: _find(root) is not None, open_cifar))
