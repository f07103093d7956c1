"""Files that hold many images each: which image lies in which, and the hashes of their bytes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.device import usable_cores
from imprint.core.progress import track
from imprint.data.encoded.user_cache import Stamp, keep, read_kept
from imprint.study.fingerprint import DIGEST_BYTES, Digests

_KIND = "hashes"
_VERSION = b"imprint hashes 1\n"
_CHUNK = 256


@dataclass(frozen=True, eq=False)
class LargeFiles:
    """Files of many images, which are numbered through all files in their order.

    Attributes:
        paths: of the files.
        stamps: by what each is taken for unchanged since it was listed.
        starts: int64 ``[files + 1]``, index of the first image of each, then their number.
    """

    paths: tuple[Path, ...]
    stamps: tuple[Stamp, ...]
    starts: IntArray

    def find(self, index: int) -> tuple[int, int]:
        """Return the number of the file that an image lies in, and its row there."""
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        return number, index - int(self.starts[number])

    def digests(
        self, rows: IntArray, read: Callable[[int], bytes], part: str, title: str
    ) -> Digests:
        """Return the SHA-256 of images, uint8 ``[n, 32]``; kept for the next command.

        Every image of a file that holds one of them is hashed.

        Args:
            rows: int64 ``[n]``, which images.
            read: returns the encoded bytes of one.
            part: which part of a file they are, such as a column; empty for the only one.
            title: what they are called meanwhile.

        Raises:
            ImprintError: an image cannot be read.
        """
        every = np.zeros((int(self.starts[-1]), DIGEST_BYTES), dtype=np.uint8)
        holding = np.unique(np.searchsorted(self.starts, rows, side="right") - 1).tolist()
        for number in track(holding, f"hash {title}", len(holding), "file"):
            place = slice(int(self.starts[number]), int(self.starts[number + 1]))
            key = f"{os.path.realpath(self.paths[number])}\0{part}"
            every[place] = self._of_file(number, key, range(place.start, place.stop), read)
        return every[rows]

    def _of_file(self, number: int, key: str, rows: range, read: Callable[[int], bytes]) -> Digests:
        stamp = self.stamps[number]
        kept = read_kept(_KIND, key, _VERSION)
        if kept is not None and len(kept) == 2 and kept[0].tolist() == list(stamp):
            digests = kept[1]
            if digests.shape == (len(rows), DIGEST_BYTES) and digests.dtype == np.uint8:
                return digests
        started = time.time_ns()
        digests = _hash(rows, read)
        if stamp.is_settled(started):
            keep(_KIND, key, _VERSION, (np.array(stamp, dtype=np.int64), digests))
        return digests


def _hash(rows: range, read: Callable[[int], bytes]) -> Digests:
    digests = np.empty((len(rows), DIGEST_BYTES), dtype=np.uint8)

    def work(start: int) -> None:
        for place in range(start, min(start + _CHUNK, len(rows))):
            digest = hashlib.sha256(read(rows[place])).digest()
            digests[place] = np.frombuffer(digest, dtype=np.uint8)

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="imprint-hash") as pool:
        for _ in pool.map(work, range(0, len(rows), _CHUNK)):
            pass
    return digests
