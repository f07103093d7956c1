"""The six columns that the released code keeps of a classifier of crops, one row per crop."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.durable import replacing

COLUMNS = ("target", "prediction", "max_probability", "target_probability", "entropy", "path")


def write_reference_table(
    path: Path, log_probabilities: FloatArray, labels: IntArray, names: Sequence[str]
) -> None:
    """Write class, guess, their probabilities, entropy in nats and the name of every crop's image.

    Probabilities are those of the reference as trained, without a temperature.

    Args:
        path: a CSV file.
        log_probabilities: ``[n, C]``.
        labels: int64 ``[n]``.
        names: of the images.
    """
    probabilities = np.exp(np.asarray(log_probabilities, dtype=np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    logarithms = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    rows = np.arange(len(labels))
    columns = (
        labels,
        probabilities.argmax(axis=1),
        probabilities.max(axis=1),
        probabilities[rows, labels],
        -(probabilities * logarithms).sum(axis=1),
    )
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(column.tolist() for column in columns), names, strict=True))
