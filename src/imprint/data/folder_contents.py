"""Names of the folders and images in a folder, sorted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.data.encoded.decode import SUFFIXES, UNREAD


def folder_names(folder: Path) -> list[str]:
    """Return the names of the visible folders in a folder, sorted; none if it is no folder.

    Raises:
        ImprintError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ImprintError(f"cannot read the folder {folder}: {error.strerror}") from error
    return _sorted_names(folder, (name for name in names if not name.startswith(".")))


def image_names(folder: Path) -> list[str]:
    """Return the names of the images directly in a folder, sorted; none if it is no folder.

    Raises:
        ImprintError: the folder cannot be read.
    """
    return _names(folder, SUFFIXES)


def unread_names(folder: Path) -> list[str]:
    """Return the names of images of kinds that are not read, as :func:`image_names`."""
    return _names(folder, UNREAD)


def _names(folder: Path, suffixes: frozenset[str]) -> list[str]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ImprintError(f"cannot read the folder {folder}: {error.strerror}") from error
    return _sorted_names(
        folder,
        (
            name
            for name in names
            if os.path.splitext(name)[1].lower() in suffixes and not name.startswith(".")
        ),
    )


def _sorted_names(folder: Path, names: Iterable[str]) -> list[str]:
    """Return names in order, which tables, pages and cards can hold as text.

    Raises:
        ImprintError: one is not text in UTF-8.
    """
    ordered = sorted(names)
    try:
        "\0".join(ordered).encode("utf-8")
    except UnicodeEncodeError as error:
        wrong = next(name for name in ordered if not _is_text(name))
        raise ImprintError(
            f"{folder} holds a file or folder {wrong!a}, whose name is not UTF-8: rename it, "
            "or set PYTHONUTF8=1 where the locale has another encoding"
        ) from error
    return ordered


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
