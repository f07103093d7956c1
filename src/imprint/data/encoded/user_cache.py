"""What was worked out about files, kept in the user's cache for the next command.

A folder ``$XDG_CACHE_HOME/imprint/KIND`` holds one file for each thing that something is kept
about, named by the hash of its path. What is kept counts for a file whose size, times of change
and inode are the same. The time of the inode's change is among them, since nobody can set it back
as ``touch`` and ``rsync -t`` set the time of the content's.

A cache that is damaged, of another version or cannot be written is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.reading.array_files import arrays_in
from imprint.reading.regular import read_at_once

SETTLED_NS = 2_000_000_000
"""File systems keep times to 2 s at the coarsest (FAT)."""
MOST_CACHE_BYTES = 1 << 29


class Stamp(NamedTuple):
    """By what a file is taken for unchanged: bytes, times of change in ns, inode."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    def is_settled(self, now_ns: int) -> bool:
        """Return whether a change after that time would show.

        A file that was changed within :data:`SETTLED_NS` of being read may change once more within
        one tick of the clock, unnoticed.
        """
        return max(self.modified_ns, self.changed_ns) <= now_ns - SETTLED_NS


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file's status."""
    inode = status.st_ino & (2**63 - 1)
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode)


def stamp_file(file: str | Path) -> Stamp:
    """Return the stamp of a regular file.

    Raises:
        ImprintError: it is missing or no regular file.
    """
    try:
        status = os.stat(file)
    except (OSError, ValueError) as error:
        raise ImprintError(f"no file at {file}: it was moved or deleted") from error
    if not stat.S_ISREG(status.st_mode):
        raise ImprintError(f"{file} is not a regular file: remove it from the data")
    return stamp_of(status)


def read_kept(kind: str, key: str, version: bytes) -> list[NDArray[Any]] | None:
    """Return the arrays that were kept about something, None where there are none to trust.

    Args:
        kind: name of the folder.
        key: what they are about, such as a path.
        version: of their form, as it was written.
    """
    cache = _file(kind, key)
    if cache is None:
        return None
    try:
        content = read_at_once(cache, MOST_CACHE_BYTES)
        head, body = content[: len(version) + 32], content[len(version) + 32 :]
        if head != version + hashlib.sha256(body).digest():
            return None
        arrays = arrays_in(body)
        os.utime(cache)
    except (OSError, ValueError):  # an UnreadableFile is one
        return None
    return arrays


def keep(kind: str, key: str, version: bytes, arrays: Sequence[NDArray[Any]]) -> None:
    """Keep arrays about something; see :func:`read_kept`."""
    cache = _file(kind, key)
    if cache is None:
        return
    stream = io.BytesIO()
    for array in arrays:
        np.save(stream, array, allow_pickle=False)
    body = stream.getvalue()
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(version + hashlib.sha256(body).digest() + body)
        os.replace(temporary, cache)
        _prune(cache.parent)
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def as_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return texts without zero bytes as an array that can be kept."""
    joined = "\0".join(texts).encode("utf-8", "surrogateescape")
    return np.frombuffer(joined, dtype=np.uint8)


def as_texts(array: NDArray[Any]) -> str:
    """Return the texts of :func:`as_array`, with a zero byte between two of them.

    Raises:
        ValueError: they are not UTF-8.
    """
    return array.tobytes().decode("utf-8", "surrogateescape")


def _prune(folder: Path) -> None:
    """Remove what was not used for longest, beyond :data:`MOST_CACHE_BYTES`."""
    files = [(file.stat(), file) for file in folder.iterdir()]
    held = 0
    for status, file in sorted(files, key=lambda entry: -entry[0].st_mtime_ns):
        held += status.st_size
        if held > MOST_CACHE_BYTES:
            file.unlink(missing_ok=True)


def _file(kind: str, key: str) -> Path | None:
    """Return where something is kept; None for a user without a home."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(stated) if os.path.isabs(stated) else Path.home() / ".cache"
    except RuntimeError:
        return None
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return root / "imprint" / kind / name[:32]
