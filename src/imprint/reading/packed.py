"""Gzipped files, unpacked no further than their content is wanted."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from imprint.reading.regular import UnreadableFile, open_regular

MAX_RATIO = 100
"""How often the size of a file its content may be; MNIST has 5."""


def read_packed(path: Path, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file, unpacked if its name ends in ``.gz``.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, damaged, or unpacks to more than
            :data:`MAX_RATIO` × its size.
    """
    with open_regular(path) as file:
        if path.suffix != ".gz":
            return file.read(limit)
        size = file.seek(0, 2)
        file.seek(0)
        allowed = min(limit, 4096 + MAX_RATIO * size)
        try:
            with gzip.GzipFile(fileobj=file) as content:
                unpacked = content.read(allowed)
                more = allowed < limit and bool(content.read(1))
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(f"{path} is damaged ({error}): download it again") from error
    if more:
        raise UnreadableFile(
            f"{path} has {size:,} bytes and unpacks to more than {MAX_RATIO} times as many: "
            "where you trust it, unpack it first"
        )
    return unpacked
