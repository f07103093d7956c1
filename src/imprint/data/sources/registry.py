"""What a layout is: how it is recognised, and how it lists its images and boxes.

A layout lists boxes as they are written. Checking them, reading boxes that are kept apart and
leaving out corrupt files is the same for all layouts: :func:`imprint.data.open.open_images`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.data.imageset import BoxEnds, ImageSet
from imprint.reading.regular import read_text


@dataclass(frozen=True)
class ImageListing:
    """What a layout finds on disk.

    Attributes:
        images: without boxes yet.
        class_folders: for files, the folder name of each class, by which boxes are looked up.
        boxes: one float64 ``[m, 4]`` array of unchecked boxes an image, as written, if the layout
            keeps them itself.
        box_ends: whether the last column and row that these boxes name belong to them.
        voc_folder: where the layout keeps Pascal VOC files, if it found such a folder.
    """

    images: ImageSet
    class_folders: tuple[str, ...] = ()
    boxes: Sequence[FloatArray] | None = None
    box_ends: BoxEnds = "exclusive"
    voc_folder: Path | None = None


@dataclass(frozen=True)
class Layout:
    """One way to lay out images on disk.

    Attributes:
        looks_like: an example of a path, for messages.
        recognises: whether a path that exists is laid out so.
        open: list one part of a path; ``None`` is the training part, or all there is.
    """

    looks_like: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, str | None], ImageListing]


layouts: Registry[Layout] = Registry("data layout", "imprint.data.sources", group="imprint.layouts")


def class_names(folders: Sequence[str], file: Path) -> tuple[str, ...]:
    """Return readable class names from ``file`` if it exists, else the folders' own.

    The file maps a folder name to words, ``n01641577<TAB>bullfrog, Rana catesbeiana``; the first
    synonym is taken, and the folder name is added where classes share it.
    """
    if not file.is_file():
        return tuple(folders)
    words = dict(line.split(maxsplit=1) for line in read_lines(file) if len(line.split()) > 1)
    names = [words.get(folder, folder).split(",")[0].strip() for folder in folders]
    uses = Counter(names)
    return tuple(
        name if uses[name] == 1 else f"{name} ({folder})"
        for name, folder in zip(names, folders, strict=True)
    )


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file.

    Raises:
        ImprintError: the file cannot be read or is not UTF-8.
    """
    try:
        return read_text(file).splitlines()
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
