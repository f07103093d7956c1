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


_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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
    return os.fdopen(os.open(path, _READING), "rb")


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


def read_at_once(path: Path | str, limit: int) -> bytes:
    """Return what :func:`read_bytes` does, in half the time: for many small files.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, or larger.
    """
    size = _regular_size(path)
    if size > limit:
        raise _too_large(path, limit)
    return _read(path, size)


def read_start(path: Path | str, size: int) -> bytes:
    """Return the first ``size`` bytes of a regular file, or all of a shorter one.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file.
    """
    _regular_size(path)
    return _read(path, size)


def _regular_size(path: Path | str) -> int:
    try:
        status = os.stat(path)
    except ValueError:  # a zero byte in the name
        return check_regular(Path(path)).st_size
    if not stat.S_ISREG(status.st_mode):
        check_regular(Path(path))
    return status.st_size


def _read(path: Path | str, size: int) -> bytes:
    descriptor = os.open(path, _READING)
    try:
        content = os.read(descriptor, size)
        while len(content) < size and (more := os.read(descriptor, size - len(content))):
            content += more
        return content
    finally:
        os.close(descriptor)


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, or larger.
    """
    with open_regular(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise _too_large(path, limit)
    return content


def _too_large(path: Path | str, limit: int) -> UnreadableFile:
    return UnreadableFile(
        f"{path} has more than {limit:,} bytes, too many for such a file: check the path"
    )


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
