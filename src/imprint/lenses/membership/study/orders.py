"""An order in which images are taken: a file of their numbers, or what a cohort memorized."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.reading.array_files import read_npy
from imprint.report.inputs import read_columns
from imprint.report.summary_file import lookup, read_object

BY = "memorization"


def read_order(path: Path, images: ImageSet) -> IntArray:
    """Return the images in order, int64 ``[n]``; images that it does not name are left out.

    Args:
        path: an ``.npy`` of different image numbers, or the folder of a cohort on these images,
            whose records come by rising memorization, of equals the lower number first.
        images: the set.

    Raises:
        ImprintError: a file that is no such order, or a cohort on other images.
    """
    order = _of_cohort(path, images) if path.is_dir() else _of_file(path)
    wrong = order[(order < 0) | (order >= len(images))]
    if len(wrong):
        raise ImprintError(
            f"{path} names image {wrong[0]}, but {images.name} has {len(images)}: "
            "give an order of these images"
        )
    if len(np.unique(order)) < len(order):
        raise ImprintError(f"{path} names an image twice: an order has each image at most once")
    return order


def _of_file(path: Path) -> IntArray:
    try:
        order = read_npy(path)
    except OSError as error:
        raise ImprintError(f"cannot read {path}: {error.strerror}") from error
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise ImprintError(f"{path} must hold whole numbers [n], one per image")
    return order.astype(np.int64)


def _of_cohort(folder: Path, images: ImageSet) -> IntArray:
    summary = read_object(folder / "summary.json")
    if lookup(summary, "data", "fingerprint") != images.fingerprint():
        raise ImprintError(
            f"{folder} is a study of other images than {images.name}: give a cohort on these"
        )
    records = read_columns(folder / "membership" / "records.parquet", BY)
    known = np.isfinite(records[BY])
    index = records["index"][known].astype(np.int64)
    return np.asarray(index[np.argsort(records[BY][known], kind="stable")])
