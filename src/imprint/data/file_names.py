"""What files about images are called: ``CLASS/STEM.suffix``, as boxes, crops and tags lie.

Class and stem are those of the image's own file wherever it has one, decoded into memory or not,
so that what is written about an image is read back for that image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from imprint.core.errors import ImprintError
from imprint.data.files import DecodedFiles, EncodedImages
from imprint.data.imageset import ImageSet


def class_folders(images: ImageSet) -> tuple[str, ...]:
    """Return the name of a folder for each class.

    Of images in files it is the folder that the class has there, such as its WordNet id; of
    others the name of the class, with a dash for what a name of a folder must not hold, and with
    the number of the class where two would share a folder.

    >>> from imprint.data.sources.composite import composite
    >>> class_folders(composite(10))[:2]
    ('zero', 'one')
    """
    files = _files(images)
    if files is not None and files.class_folders:
        return files.class_folders
    folders = [_as_folder(name) for name in images.classes]
    uses = Counter(folders)
    return tuple(
        folder if uses[folder] == 1 else f"{folder} ({label})"
        for label, folder in enumerate(folders)
    )


def stems(images: ImageSet, indices: Sequence[int]) -> list[str]:
    """Return what the file about each image is called, without folder and suffix.

    Of images in files it is the stem of theirs; of others the index, in six digits.
    """
    files = _files(images)
    if files is None:
        return [f"{index:06d}" for index in indices]
    return [PurePosixPath(files.paths[index]).stem for index in indices]


def export_names(images: ImageSet, indices: Sequence[int]) -> list[str]:
    """Return ``CLASS/STEM`` of the file about each image, each another one.

    Raises:
        ImprintError: two images share class and stem, such as ``cat/1.jpg`` and ``cat/1.png``.
    """
    folders = class_folders(images)
    names = [
        f"{folders[int(images.labels[index])]}/{stem}"
        for index, stem in zip(indices, stems(images, indices), strict=True)
    ]
    owners: dict[str, int] = {}
    for index, name in zip(indices, names, strict=True):
        other = owners.setdefault(name, index)
        if other != index:
            raise ImprintError(
                f"{images.name_of(other)} and {images.name_of(index)} of {images.name} would share "
                f"the file {name}: rename one of them"
            )
    return names


def _files(images: ImageSet) -> EncodedImages | None:
    """Return the files that images are read from, or were decoded from."""
    if isinstance(images, DecodedFiles):
        return images.files
    return images if isinstance(images, EncodedImages) else None


def _as_folder(name: str) -> str:
    return name.replace("/", "-").replace("\\", "-").strip(". ") or "-"
