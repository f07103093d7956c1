"""Regular files, opened without waiting and read no further than a bound.

Opening a named pipe waits for a writer, and ``/dev/zero`` has no end; both can stand
behind any name in a folder. So whatever is not a regular file is refused before it is opened.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from imprint.core.errors import ImprintError

MAX_TEXT_BYTES = 64 << 20
"""Bytes of a text that is read whole; a list of a million names has 20 million."""


class UnreadableFile(ImprintError, ValueError):
    """A file that exists and is not what it should be: another kind, damaged, or too large."""


def open_regular(path: Path) -> io.BufferedReader:
    """Return a regular file, opened for reading bytes.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is a folder, pipe, socket or device.
    """
    check_regular(path)
    # The file may be replaced by a pipe meanwhile: opened so, it does not wait either.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    return os.fdopen(descriptor, "rb")


def check_regular(path: Path) -> os.stat_result:
    """Return the status of a regular file.

    Raises:
        OSError: it is missing.
        UnreadableFile: it is a folder, pipe, socket or device.
    """
    try:
        status = path.stat()
    except ValueError as error:  # a zero byte in the name
        raise UnreadableFile(f"{str(path)!r} is not a valid path ({error}): check it") from error
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, socket or device"
        raise UnreadableFile(f"{path} is {what}, not a regular file: check the path")
    return status


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, or larger.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnreadableFile(
            f"{path} has more than {limit:,} bytes, too many for such a file: check the path"
        )
    return content


def read_text(path: Path, limit: int = MAX_TEXT_BYTES) -> str:
    """Return the text in a regular file, UTF-8 with or without a byte order mark.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, larger than ``limit`` bytes, or not UTF-8.
    """
    content = read_bytes(path, limit)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{path} is not UTF-8 text: save it as UTF-8") from error
