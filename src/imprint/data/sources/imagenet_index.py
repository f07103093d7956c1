"""Images in the order of an ``imagenet_index.npz``, as Feldman and Zhang number ImageNet.

Their results refer to examples by row of this file, which is not the order of sorted folders.
It holds ``tr_filenames`` (bytes), ``tr_labels`` (from 0), ``tt_filenames`` and ``tt_labels``.
Laid beside the folders of the images, ``train/n01440764/n01440764_18.JPEG`` and ``val/…``, it makes
row i the image of index i. Images may lie in class folders or directly in their part; those
that the file does not list are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages
from imprint.data.folder_contents import folder_names, image_names
from imprint.data.labels import MAX_CLASSES
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, class_names, layouts
from imprint.reading.array_files import read_npz

INDEX_FILE = "imagenet_index.npz"
TRAIN = "train"
TEST_PARTS = ("val", "validation", "test")
_SHOWN = 3


@dataclass(frozen=True)
class ImagenetIndex:
    """Which image a row is.

    Attributes:
        train: str ``[N]``, names of the files of the training set.
        train_labels: int64 ``[N]``, from 0.
        test: str ``[q]``.
        test_labels: int64 ``[q]``.
    """

    train: NDArray[np.str_]
    train_labels: IntArray
    test: NDArray[np.str_]
    test_labels: IntArray


def read_index(path: Path) -> ImagenetIndex:
    """Read an ``imagenet_index.npz``.

    Raises:
        ImprintError: no such file, it is no ``.npz``, or its arrays are missing or do not fit.
    """
    try:
        arrays = read_npz(path)
    except OSError as error:
        raise ImprintError(f"no index at {path} ({error.strerror}): give an {INDEX_FILE}") from None
    return ImagenetIndex(*_part(path, arrays, "tr"), *_part(path, arrays, "tt"))


def _part(
    path: Path, file: Mapping[str, NDArray[Any]], prefix: str
) -> tuple[NDArray[np.str_], IntArray]:
    name, label = f"{prefix}_filenames", f"{prefix}_labels"
    for needed in (name, label):
        if needed not in file:
            raise ImprintError(f"{path} has no array {needed}: it holds {', '.join(file)}")
    names, labels = np.asarray(file[name]), np.asarray(file[label])
    if names.dtype.kind not in "SU" or names.ndim != 1:
        raise ImprintError(f"{path}: {name} must hold file names, not {names.dtype}")
    if labels.dtype.kind not in "iu" or labels.shape != names.shape:
        raise ImprintError(
            f"{path}: {label} is {labels.dtype} {list(labels.shape)}: "
            f"it must be an integer for each of the {len(names)} names"
        )
    try:
        text = np.char.decode(names, "utf-8") if names.dtype.kind == "S" else names
    except UnicodeDecodeError as error:
        raise ImprintError(f"{path}: {name} holds a name that is not UTF-8: rename it") from error
    if len(labels) and not 0 <= labels.min() <= labels.max() < MAX_CLASSES:
        raise ImprintError(
            f"{path}: {label} goes from {labels.min()} to {labels.max()}: labels start at 0 and "
            f"end before {MAX_CLASSES}"
        )
    return text, labels.astype(np.int64)


def open_index(root: Path, part: str | None) -> ImageListing:
    """List the images of ``root/PART`` in the order of ``root/imagenet_index.npz``.

    Without a part the training set; any part but ``train`` is the test set. Classes are called by
    their folders, or by the words of ``words.txt`` or ``LOC_synset_mapping.txt``; by their numbers
    where images of one class do not share a folder.

    Raises:
        ImprintError: no index or no such part, an image that is listed but not there, or one name
            in two folders.
    """
    index = read_index(root / INDEX_FILE)
    part = part or TRAIN
    names, labels = (
        (index.train, index.train_labels) if part == TRAIN else (index.test, index.test_labels)
    )
    base = root / part
    if not base.is_dir():
        present = ", ".join(folder_names(root)) or "no folder at all"
        raise ImprintError(f"{root} has no part {part!r}: it has {present}")
    paths = _find(base, names.tolist())
    folders = _class_folders(paths, labels)
    words = next((root / name for name in _WORDS if (root / name).is_file()), root / _WORDS[0])
    classes = class_names(folders, words)
    images = EncodedImages(ImageFiles(base, paths), labels, classes, set_name(root))
    return ImageListing(images, folders)


_WORDS = ("words.txt", "LOC_synset_mapping.txt")


def _find(base: Path, names: Sequence[str]) -> list[str]:
    """Return the path of every name, wherever under ``base`` it lies."""
    places: dict[str, str] = dict.fromkeys(image_names(base), "")
    for folder in folder_names(base):
        for name in image_names(base / folder):
            if name in places:
                raise ImprintError(
                    f"{base} holds two images {name}, in {places[name] or '.'} and {folder}: "
                    f"names must be unique for {INDEX_FILE}"
                )
            places[name] = folder
    wanted = [os.path.basename(name) for name in names]
    missing = [name for name in wanted if name not in places]
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        raise ImprintError(
            f"{base} lacks {len(missing)} of the {len(names)} images that {INDEX_FILE} lists "
            f"({shown}): put them there, as an index counts them too"
        )
    return [f"{places[name]}/{name}" if places[name] else name for name in wanted]


def _class_folders(paths: Sequence[str], labels: IntArray) -> tuple[str, ...]:
    folders: dict[int, set[str]] = {}
    for path, label in zip(paths, labels.tolist(), strict=True):
        folders.setdefault(label, set()).add(os.path.dirname(path))
    count = int(labels.max()) + 1 if len(labels) else 0
    single = [next(iter(parents)) if len(parents) == 1 else "" for parents in folders.values()]
    if not all(single) or len(set(single)) < len(single):
        return tuple(str(label) for label in range(count))
    return tuple(next(iter(folders.get(label, {str(label)}))) for label in range(count))


def _recognises(root: Path) -> bool:
    return (root / INDEX_FILE).is_file() and (root / TRAIN).is_dir()


layouts.register("imagenet_index")(
    Layout("imagenet_index.npz beside train/n01440764/n01440764_18.JPEG", _recognises, open_index)
)
