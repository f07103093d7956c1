"""Join what a file says about images on the names of the images.

Whoever made the file saw the images elsewhere: under another root, as crops with another suffix,
or by the names of the files alone. So names are compared from their end, without suffix: as much
of the path as both have; of several names for one image, those that agree furthest. Classes may
repeat the names of files (``cat/000001.jpg`` and ``dog/000001.jpg``) as long as the file names the
folders too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from imprint.core.errors import ImprintError

Parts = tuple[str, ...]
_NO_IMAGE = (-1, 0)


def match_names(file_names: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """Return which image each name in a file is of; None for one of no image.

    >>> match_names(["crops/dog/1.png", "cat/1", "3.jpg", "x/9"], ["cat/1.jpg", "dog/1.jpg", "3"])
    [1, 0, 2, None]

    Args:
        file_names: names as the file has them, each any trailing part of a path.
        names: of the images: relative paths, or ``set[row]``.

    Raises:
        ImprintError: a name fits several images equally well.
    """
    parts = [_parts(name) for name in names]
    rows: dict[str, list[int]] = defaultdict(list)
    for row, own in enumerate(parts):
        rows[own[-1]].append(row)
    folders = {own[0] for own in parts if len(own) > 1}
    matches = [_match(name, names, parts, rows, folders) for name in file_names]
    closest: dict[int, int] = {}
    for row, shared in matches:
        closest[row] = max(shared, closest.get(row, 0))
    return [row if shared and shared == closest[row] else None for row, shared in matches]


def _match(
    name: str,
    names: Sequence[str],
    parts: Sequence[Parts],
    rows: dict[str, list[int]],
    folders: set[str],
) -> tuple[int, int]:
    """Return the image that a name is of, and how many parts of their paths agree; 0 for none."""
    wanted = _parts(name)
    candidates = rows.get(wanted[-1], [])
    shared = [_shared(wanted, parts[row]) for row in candidates]
    most = max(shared, default=0)
    best = [row for row, count in zip(candidates, shared, strict=True) if count == most]
    if not best:
        return _NO_IMAGE
    # The folder of another class: a file of the same name, and not this image.
    if most == 1 and len(wanted) > 1 and len(parts[best[0]]) > 1 and wanted[-2] in folders:
        return _NO_IMAGE
    if len(best) > 1:
        raise ImprintError(
            f"{name!r} may be {names[best[0]]} or {names[best[1]]}, which are ambiguous: name "
            "images with the folder of their class"
        )
    return best[0], most


def _shared(wanted: Parts, own: Parts) -> int:
    """Return how many parts of two paths agree from the end, or 2 for class folder and stem."""
    count = 0
    for first, other in zip(reversed(wanted), reversed(own), strict=False):
        if first != other:
            break
        count += 1
    # Files about TinyImageNet's n01/images/n01_7.JPEG lie at n01/n01_7.
    by_class = len(wanted) > 1 and len(own) > 1 and wanted[-2] == own[0]
    return max(count, 2) if by_class else count


def _parts(name: str) -> Parts:
    path = PurePosixPath(name.replace("\\", "/"))
    return (*path.parts[:-1], path.stem)
