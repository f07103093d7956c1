"""The SHA-256 of every file of a set, from one pass over them, kept for the next command.

What was hashed is taken from the user's cache for a file that did not change since
(:mod:`imprint.data.encoded.user_cache`), one entry a set.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.encoded.user_cache import (
    SETTLED_NS,
    as_array,
    as_texts,
    keep,
    read_kept,
    stamp_file,
)
from imprint.reading.regular import open_regular
from imprint.study.fingerprint import DIGEST_BYTES, Digests

_KIND = "digests"
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
    digests, known = _from_cache(base, paths, stamps)
    missing = np.flatnonzero(~known)
    if len(missing):
        started = time.time_ns()
        _hash_files(files, missing, digests, os.path.basename(base))
        unsettled = stamps[:, 1:3].max(axis=1) > started - SETTLED_NS
        stamps[unsettled, 0] = _UNSETTLED
        if not unsettled[missing].all():
            keep(_KIND, base, _VERSION, (as_array(paths), stamps, digests))
    return digests


def _stamps(files: Sequence[str]) -> Stamps:
    """Return size, both times in ns and inode of every file, int64 ``[n, 4]``."""
    stamps = np.empty((len(files), 4), dtype=np.int64)
    for row, file in enumerate(files):
        stamps[row] = stamp_file(file)
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
    base: str, paths: Sequence[str], stamps: Stamps
) -> tuple[Digests, NDArray[np.bool_]]:
    """Return the hashes that are known, and of which files they are, bool ``[n]``."""
    digests = np.zeros((len(paths), DIGEST_BYTES), dtype=np.uint8)
    known = np.zeros(len(paths), dtype=bool)
    kept = read_kept(_KIND, base, _VERSION)
    if kept is None or len(kept) != 3:
        return digests, known
    names, (old_stamps, old_digests) = as_texts(kept[0]), kept[1:]
    if names == "\0".join(paths):
        rows = np.arange(len(paths))
    else:
        place = {name: row for row, name in enumerate(names.split("\0"))}
        rows = np.array([place.get(path, -1) for path in paths], dtype=np.int64)
    known = (rows >= 0) & (old_stamps[rows] == stamps).all(axis=1)
    digests[known] = old_digests[rows[known]]
    return digests, known
