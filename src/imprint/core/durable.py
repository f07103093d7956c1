"""Bring what was written to the disk itself before it is given its name.

A rename is atomic for whoever looks at the folder, not for the disk: after a loss of power a file
may have its new name and none of its bytes. So every file is flushed first, then the folders that
name them, then comes the rename, then the folder that holds the new name.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from imprint.core.errors import ImprintError

AT_ONCE = 32
"""Files that are flushed at the same time."""
_CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""What file systems answer that keep folders in step by themselves."""


def flush_tree(path: Path) -> None:
    """Flush a file, or a folder with all that is in it, files before the folders that name them.

    Many files are flushed at once: a journal then commits them together.
    """
    if not path.is_dir():
        _flush(path, os.O_RDONLY)
        return
    folders = list(os.walk(path, topdown=False))
    files = [Path(folder, name) for folder, _, names in folders for name in names]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="imprint-flush") as pool:
        for _ in pool.map(_flush_file, files):
            pass
    for folder, _, _ in folders:
        flush_folder(Path(folder))


def flush_folder(folder: Path) -> None:
    """Flush the names that a folder holds, where the system can."""
    # Windows opens no folders.
    if hasattr(os, "O_DIRECTORY"):
        _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def watching(folder: Path) -> Iterator[Callable[[], None]]:
    """Give a check that a folder is still the one it was when the block began.

    Whoever writes into a folder that was deleted may make it anew, without what was in it; so no
    artefact is given its name before the check has passed.

    Raises:
        ImprintError: the folder was deleted or moved; from the check, or in place of the error that
            a library made of it.
    """
    if not hasattr(os, "O_DIRECTORY"):
        yield lambda: None
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def check() -> None:
        # A folder that is held open keeps its inode, which another one may not take.
        try:
            is_same = os.path.samestat(os.fstat(handle), os.stat(folder))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            with suppress(OSError):
                folder.rmdir()
            raise ImprintError(
                f"{folder} was deleted or moved while imprint wrote to it: run the same command "
                "again"
            )

    try:
        yield check
    except ImprintError:
        raise
    except Exception:
        check()
        raise
    finally:
        os.close(handle)


def _flush_file(file: Path) -> None:
    if not file.is_symlink():
        _flush(file, os.O_RDONLY)


def _flush(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(handle)
