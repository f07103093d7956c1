"""Lists of images as the published study ships them: global indices in a ``.npy`` file.

int64, one axis, strictly increasing, so sorted and without repeats (dejavu spec §7.6: the 3,214
images of its ``dataset_level_correlations_indices.npy`` whose labels background alone gives away).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.reading.array_files import read_npy


def read_index_list(file: Path) -> IntArray:
    """Return the indices in a file, int64, strictly increasing.

    Raises:
        ImprintError: no such file, or not such a list; the message says in what it differs.
    """
    try:
        indices = read_npy(file)
    except OSError as error:
        raise ImprintError(f"cannot read a list of images from {file}: {error.strerror}") from error
    if indices.ndim != 1 or indices.dtype != np.int64:
        raise ImprintError(
            f"{file} must hold one row of int64 indices, got {indices.dtype} {list(indices.shape)}"
        )
    if len(indices) and indices[0] < 0:
        raise ImprintError(f"{file} names image {indices[0]}: indices start at 0")
    falls = np.flatnonzero(indices[1:] <= indices[:-1])
    if len(falls):
        row = int(falls[0])
        raise ImprintError(
            f"{file} must rise strictly, but {indices[row + 1]} follows {indices[row]} in row "
            f"{row + 1}: sort it with numpy.unique"
        )
    return indices


def write_index_list(file: Path, indices: IntArray) -> None:
    """Write image indices, sorted and each once, whole or not at all."""
    with replacing(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.unique(indices).astype(np.int64), allow_pickle=False)
