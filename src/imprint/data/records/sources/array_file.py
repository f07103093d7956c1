"""Array files ``.npz`` with ``inputs`` and ``targets``, and ``groups``, if any.

Files with ``images`` and ``labels`` in uint8 are images, as everywhere in imprint
(:mod:`imprint.data.sources.arrays`). Nothing pickled is read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.records.sources.images import open_image_path
from imprint.data.records.sources.mapping import open_mapping
from imprint.reading.array_files import read_npz

SUFFIX = ".npz"
IMAGES = {"images", "labels"}


def _open(source: Any, reading: Reading) -> Content:
    path = Path(source)
    try:
        arrays = read_npz(path)
        if arrays.keys() >= IMAGES and arrays["images"].dtype == np.uint8:
            return open_image_path(path, reading)
        return open_mapping(arrays, reading, str(path))
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error


RECORD_SOURCES.register("array file")(
    RecordSource(
        lambda source: (
            isinstance(source, str | os.PathLike) and Path(source).suffix.lower() == SUFFIX
        ),
        _open,
        45,
        "the path of an .npz file with inputs and targets",
    )
)
