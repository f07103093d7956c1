"""Bring what was written to the disk itself before it is given its name.

A rename is atomic for other processes, not for the disk: after a loss of power a file
may have its new name and none of its bytes. So every file is flushed first, then the folders that
name them, then comes the rename, then the folder that holds the new name.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
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


_IN_THE_MAKING: ContextVar[Path | None] = ContextVar("artefact in the making", default=None)
"""The temporary path of the outermost artefact this thread writes, unless it can be resumed."""


@contextmanager
def replacing(path: Path, resume: str = "") -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block succeeds.

    When the block fails, what stood at ``path`` stays, and nothing else is left behind, unless it
    is unfinished work under a key.

    Args:
        path: the file or folder to write.
        resume: when not empty, a key under which unfinished work is kept and handed on to the
            next call with the same key.

    Raises:
        ImprintError: the disk is full, the folder cannot be written or was deleted meanwhile, or
            there is a link in unfinished work, through which other files would be written.
    """
    temporary = unfinished_path(path, resume)
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        make_folder(path.parent)
        with telling_disk_errors(path), watching(path.parent) as check_it_is_there:
            if resume:
                _refuse_links(temporary)
            else:
                _remove(temporary)
            # What is written into an artefact in the making is flushed with all of it. Unfinished
            # work that is handed on must hold by itself.
            whole = _IN_THE_MAKING.get()
            is_part = whole is not None and whole in path.parents
            token = _IN_THE_MAKING.set(whole if is_part else None if resume else temporary)
            try:
                yield temporary
            finally:
                _IN_THE_MAKING.reset(token)
            check_it_is_there()
            if not is_part:
                flush_tree(temporary)
            if path.is_dir():
                _remove(path)
            os.replace(temporary, path)
            if not is_part:
                for folder in (path, *missing):
                    flush_folder(folder.parent)
    except BaseException:
        if not (resume and _holds_a_file(temporary)):
            with suppress(OSError, ValueError):
                _remove(temporary)
            for folder in missing:
                with suppress(OSError, ValueError):
                    folder.rmdir()
        raise


def _holds_a_file(path: Path) -> bool:
    """Return whether there is anything at ``path`` but folders."""
    return any(files for _, _, files in os.walk(path)) or path.is_file()


def make_folder(path: Path) -> None:
    """Make a folder unless it is there.

    Raises:
        ImprintError: it cannot be made.
    """
    with telling_disk_errors(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, PermissionError) as error:
            raise ImprintError(f"cannot make the folder {path}: {error.strerror}") from error


@contextmanager
def telling_disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk and a folder that cannot be written into one sentence.

    Raises:
        ImprintError: that sentence.
    """
    try:
        yield
    except Exception as error:
        # Libraries that write by themselves raise errors of their own, which only quote the system.
        code = error.errno if isinstance(error, OSError) else None
        if code in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
            raise ImprintError(
                f"the disk is full: {path} was not written; free some space and run the same "
                "command again to resume"
            ) from error
        if code == errno.EFBIG or os.strerror(errno.EFBIG) in str(error):
            raise ImprintError(
                f"a file of {path} is larger than the system lets this process write: raise the "
                "limit (ulimit -f) and run the same command again to resume"
            ) from error
        if code in (errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise ImprintError(f"cannot write {path}: {os.strerror(code)}") from error
        if isinstance(error, ValueError) and "null " in str(error):  # byte, or from 3.13 character
            raise ImprintError(
                f"{str(path)!r} is not a valid path: it holds a zero byte"
            ) from error
        raise


def unfinished_path(path: Path, resume: str) -> Path:
    """Return where unfinished work on ``path`` lies, under a key where it can be resumed."""
    return path.with_name(f".{path.name}{'.' + resume if resume else ''}.part")


def _refuse_links(path: Path) -> None:
    inside = (
        Path(folder, name) for folder, folders, files in os.walk(path) for name in folders + files
    )
    link = next((each for each in (path, *inside) if each.is_symlink()), None)
    if link is not None:
        raise ImprintError(f"{link} is a link in unfinished work: delete {path} and run again")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
