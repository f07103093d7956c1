"""One folder per class: ``CLASS/NAME.jpg``, or ``PART/CLASS/NAME.jpg`` with part train, val, ….

Classes are sorted by name, and files by name within their class. Only files directly in the
folder of a class count; names that start with a dot, and files that are no images, are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.encoded.contents import ImageFiles
from imprint.data.files import EncodedImages
from imprint.data.folder_contents import folder_names, image_names, unread_names
from imprint.data.sources.registry import ImageListing, Layout, layouts


def open_folder(root: Path, part: str | None) -> ImageListing:
    """List the images of ``root/PART``; without a part, of ``root/train`` if there is one.

    Raises:
        ImprintError: no such part, no class folders, or a class without images.
    """
    base = part_folder(root, part)
    return list_classes(root, base, folder_names(base))


def list_classes(
    root: Path,
    base: Path,
    class_folders: Sequence[str],
    inside: str = "",
    classes: Sequence[str] | None = None,
) -> ImageListing:
    """List the images in the folders ``base/CLASS/inside``.

    Args:
        root: what the set is named after.
        base: the folder that the names of images start from.
        class_folders: sorted.
        inside: the folder within each class folder that holds the images; empty for itself.
        classes: names of the classes, if other than those of their folders.

    Raises:
        ImprintError: there are no class folders, or one has no image.
    """
    if not class_folders:
        raise ImprintError(f"{base} has no class folders: expected {base}/CLASS/NAME.jpg")
    folders = [f"{folder}/{inside}" if inside else folder for folder in class_folders]
    names = [image_names(base / folder) for folder in folders]
    for class_folder, folder, files in zip(class_folders, folders, names, strict=True):
        if not files:
            unread = unread_names(base / folder)
            kinds = ", ".join(sorted({os.path.splitext(name)[1] for name in unread}))
            unread_note = f" that imprint reads, and {len(unread)} of kinds it does not ({kinds})"
            raise ImprintError(
                f"class {class_folder} has no image{unread_note if unread else ''} in "
                f"{base / folder}: "
                f"{'save them as JPEG or PNG' if unread else 'add one'}, or remove the folder"
            )
    paths = [
        f"{folder}/{name}" for folder, files in zip(folders, names, strict=True) for name in files
    ]
    labels = np.repeat(np.arange(len(names), dtype=np.int64), [len(files) for files in names])
    images = EncodedImages(
        ImageFiles(base, paths), labels, tuple(classes or class_folders), set_name(root)
    )
    return ImageListing(images, tuple(class_folders))


def part_folder(root: Path, part: str | None) -> Path:
    """Return ``root/PART``; without a part, ``root/train`` if it is a folder of folders, or root.

    Raises:
        ImprintError: no such part; the message names those there are.
    """
    if part is None:
        train = root / "train"
        return train if train.is_dir() and not image_names(train) else root
    if not (root / part).is_dir():
        folders = ", ".join(folder_names(root)[:12]) or "no folder at all"
        raise ImprintError(f"{root} has no part {part!r}: it has {folders}")
    return root / part


def set_name(root: Path) -> str:
    """Return what a set of images is called after its folder or file."""
    return root.resolve().stem if root.is_file() else root.resolve().name


def _recognises(root: Path) -> bool:
    if not root.is_dir():
        return False
    base = part_folder(root, None)
    return any(image_names(base / name) for name in folder_names(base))


layouts.register("folder")(Layout("CLASS/NAME.jpg", _recognises, open_folder))
