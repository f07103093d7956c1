"""Indices of images in ``.npy`` files: which images a network is trained on, and lists of others.

A list as the published study ships them is int64, one axis, strictly increasing, so sorted and
without repeats (its ``dataset_level_correlations_indices.npy`` names 3,214 images whose labels the
background alone gives away).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.reading.array_files import read_npy


def read_index_list(file: Path) -> IntArray:
    """Return the indices in a file, int64, strictly increasing.

    Raises:
        ImprintError: no such file, or not such a list; the message says in what it differs.
    """
    _require_no_folder(file)
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


def read_indices(file: Path | None, images: ImageSet) -> IntArray:
    """Return the image indices in a ``.npy`` file, or all of them, but for corrupt images.

    Raises:
        ImprintError: no such file, not whole numbers, none, repeated, not of this set, or of
            corrupt images alone.
    """
    if file is None:
        return usable_indices(images)
    _require_no_folder(file)
    try:
        indices = read_npy(file)
    except OSError as error:
        raise ImprintError(f"cannot read image indices from {file}: {error.strerror}") from error
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ImprintError(
            f"{file} must hold one row of whole numbers, got {indices.dtype} {list(indices.shape)}"
        )
    if not len(indices):
        raise ImprintError(f"{file} names no image: give at least one index")
    outside = indices[(indices < 0) | (indices >= len(images))]
    if len(outside):
        raise ImprintError(
            f"{file} names image {outside[0]}, but the indices of {images.name} go from 0 to "
            f"{len(images) - 1}"
        )
    if len(np.unique(indices)) != len(indices):
        raise ImprintError(f"{file} names an image twice")
    # What --skip-corrupt leaves out was named when the images were opened.
    usable = indices[np.isin(indices, usable_indices(images))]
    if not len(usable):
        raise ImprintError(
            f"{file} names only images of {images.name} that cannot be decoded: name others"
        )
    return np.asarray(usable, dtype=np.int64)


def read_held_out(file: Path | None, images: ImageSet, trained: IntArray) -> IntArray:
    """Return the image indices in a ``.npy`` file, or all that are not trained on.

    Raises:
        ImprintError: as :func:`read_indices`, or an image of the file is trained on.
    """
    if file is None:
        return np.setdiff1d(usable_indices(images), trained)
    held_out = read_indices(file, images)
    both = np.intersect1d(held_out, trained)
    if len(both):
        raise ImprintError(
            f"{file} holds out image {both[0]}, which is trained on: give disjoint sets of images"
        )
    return held_out


def _require_no_folder(file: Path) -> None:
    """Raise ImprintError for a folder: other commands take folders of images for members."""
    if file.is_dir():
        raise ImprintError(
            f"{file} is a folder: give an .npy file of image indices, saved with np.save"
        )
