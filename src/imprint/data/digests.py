"""The SHA-256 of every file of a set, from one pass over them, kept for the next command.

What was hashed is kept in the user's cache, ``$XDG_CACHE_HOME/imprint/digests``, one file a set,
and taken from there for a file whose path, size, times of change and inode are the same. The time
of the inode's change is among them, since nobody can set it back as ``touch`` and ``rsync -t`` set
the time of the content's. A file that was changed within :data:`SETTLED_NS` of being hashed is
hashed again next time: within one tick of the clock it might change once more unnoticed.

A cache that is damaged, of another version or cannot be written is as good as none.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.reading.regular import open_regular
from imprint.study.fingerprint import DIGEST_BYTES, Digests

SETTLED_NS = 2_000_000_000
"""File systems keep times to 2 s at the coarsest (FAT)."""
MOST_CACHE_BYTES = 1 << 29
_VERSION = b"imprint digests 1\n"
_AT_ONCE = 1 << 24
"""Files up to so many bytes are read in one piece."""
_CHUNK = 2048
_UNSETTLED = -1

Stamps = NDArray[np.int64]


def file_digests(root: Path, paths: Sequence[str]) -> Digests:
    """Return the SHA-256 of every file, uint8 ``[n, 32]``.

    Args:
        root: the folder that ``paths`` start from.
        paths: relative, with forward slashes.

    Raises:
        ImprintError: a file is missing, cannot be read or is no regular file.
    """
    base = os.path.realpath(root)
    files = [f"{base}/{path}" for path in paths]
    if not files:
        return np.empty((0, DIGEST_BYTES), dtype=np.uint8)
    stamps = _stamps(files)
    cache = _cache_file(base)
    digests, known = _from_cache(cache, paths, stamps)
    missing = np.flatnonzero(~known)
    if len(missing):
        started = time.time_ns()
        _hash_files(files, missing, digests, os.path.basename(base))
        unsettled = stamps[:, 1:3].max(axis=1) > started - SETTLED_NS
        stamps[unsettled, 0] = _UNSETTLED
        if not unsettled[missing].all():
            _keep(cache, paths, stamps, digests)
    return digests


def _stamps(files: Sequence[str]) -> Stamps:
    """Return size, both times in ns and inode of every file, int64 ``[n, 4]``."""
    stamps = np.empty((len(files), 4), dtype=np.int64)
    for row, file in enumerate(files):
        try:
            status = os.stat(file)
        except OSError as error:
            raise ImprintError(f"no file at {file}: it was moved or deleted") from error
        if not stat.S_ISREG(status.st_mode):
            raise ImprintError(f"{file} is not a regular file: remove it from the data")
        inode = status.st_ino & (2**63 - 1)
        stamps[row] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, inode)
    return stamps


def _hash_files(files: Sequence[str], rows: NDArray[np.intp], digests: Digests, name: str) -> None:
    def work(part: NDArray[np.intp]) -> None:
        for row in part.tolist():
            digests[row] = np.frombuffer(_sha256(files[row]), dtype=np.uint8)

    parts = np.array_split(rows, -(-len(rows) // _CHUNK))
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-hash") as pool:
        done = pool.map(work, parts)
        for _ in track(done, f"hash {name}", len(parts), f"{_CHUNK} files"):
            pass


def _sha256(file: str) -> bytes:
    try:
        with open_regular(Path(file)) as stream:
            if os.fstat(stream.fileno()).st_size <= _AT_ONCE:
                return hashlib.sha256(stream.read()).digest()
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error


def _from_cache(
    cache: Path | None, paths: Sequence[str], stamps: Stamps
) -> tuple[Digests, NDArray[np.bool_]]:
    """Return the hashes that are known, and of which files they are, bool ``[n]``."""
    digests = np.zeros((len(paths), DIGEST_BYTES), dtype=np.uint8)
    known = np.zeros(len(paths), dtype=bool)
    kept = None if cache is None else _read(cache)
    if kept is None:
        return digests, known
    names, old_stamps, old_digests = kept
    if names == "\0".join(paths):
        rows = np.arange(len(paths))
    else:
        place = {name: row for row, name in enumerate(names.split("\0"))}
        rows = np.array([place.get(path, -1) for path in paths], dtype=np.int64)
    known = (rows >= 0) & (old_stamps[rows] == stamps).all(axis=1)
    digests[known] = old_digests[rows[known]]
    return digests, known


def _read(cache: Path) -> tuple[str, Stamps, Digests] | None:
    try:
        content = cache.read_bytes()
        head, body = content[: len(_VERSION) + 32], content[len(_VERSION) + 32 :]
        if head != _VERSION + hashlib.sha256(body).digest():
            return None
        stream = io.BytesIO(body)
        names, stamps, digests = (np.load(stream, allow_pickle=False) for _ in range(3))
        os.utime(cache)
        return names.tobytes().decode("utf-8", "surrogateescape"), stamps, digests
    except (OSError, ValueError, EOFError):
        return None


def _keep(cache: Path | None, paths: Sequence[str], stamps: Stamps, digests: Digests) -> None:
    if cache is None:
        return
    names = np.frombuffer("\0".join(paths).encode("utf-8", "surrogateescape"), dtype=np.uint8)
    stream = io.BytesIO()
    for array in (names, stamps, digests):
        np.save(stream, array, allow_pickle=False)
    body = stream.getvalue()
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    with suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_VERSION + hashlib.sha256(body).digest() + body)
        os.replace(temporary, cache)
        _prune(cache.parent)
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """Remove what was not used for longest, beyond :data:`MOST_CACHE_BYTES`."""
    files = [(file.stat(), file) for file in folder.iterdir()]
    held = 0
    for status, file in sorted(files, key=lambda entry: -entry[0].st_mtime_ns):
        held += status.st_size
        if held > MOST_CACHE_BYTES:
            file.unlink(missing_ok=True)


def _cache_file(base: str) -> Path | None:
    """Return where the hashes of a folder are kept; None for a user without a home."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(stated) if os.path.isabs(stated) else Path.home() / ".cache"
    except RuntimeError:
        return None
    name = hashlib.sha256(base.encode("utf-8", "surrogateescape")).hexdigest()
    return root / "imprint" / "digests" / name[:32]
