"""What files about images are called: ``CLASS/STEM.suffix``, as boxes, crops and tags lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from imprint.data.files import FileImages
from imprint.data.imageset import ImageSet


def class_folders(images: ImageSet) -> tuple[str, ...]:
    """Return the name of a folder for each class.

    Of images in files it is the folder that the class has there, such as its WordNet id; of
    others the name of the class, with a dash for what a name of a folder must not hold.

    >>> from imprint.data.sources.composite import composite
    >>> class_folders(composite(10))[:2]
    ('zero', 'one')
    """
    folders = [_as_folder(name) for name in images.classes]
    if isinstance(images, FileImages):
        for path, label in zip(images.paths, images.labels.tolist(), strict=True):
            folders[label] = path.split("/")[0]
    return tuple(folders)


def stems(images: ImageSet, indices: Sequence[int]) -> list[str]:
    """Return what the file about each image is called, without folder and suffix.

    Of images in files it is the stem of theirs; of others the index, in six digits.
    """
    if isinstance(images, FileImages):
        return [PurePosixPath(images.paths[index]).stem for index in indices]
    return [f"{index:06d}" for index in indices]


def _as_folder(name: str) -> str:
    return name.replace("/", "-").replace("\\", "-").strip(". ") or "-"
