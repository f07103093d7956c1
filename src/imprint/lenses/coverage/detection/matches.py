"""Mean average precision of resampled images, from matches that are found once.

Which detection matches which object is a matter of one image and one category alone, so an image
that is drawn twice brings the same matches twice. Detections in falling order of their scores with
the weights of their images give precision and recall, 101 recalls the precision that is reached
from there on (Everingham et al. 2010; Lin et al. 2014), as pycocotools computes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray

RECALLS = np.linspace(0, 1, 101)
CHUNK_VALUES = 4_000_000


@dataclass(frozen=True, eq=False)
class CategoryMatches:
    """Detections of a category in all images, the surest first.

    Attributes:
        image: int64 ``[d]``, where each is.
        matched: bool ``[overlaps, d]``, which are an object, by the least overlap that counts.
        ignored: bool ``[overlaps, d]``, which stand for a crowd.
        objects: float64 ``[n]``, objects of each image, without crowds.
    """

    image: IntArray
    matched: BoolArray
    ignored: BoolArray
    objects: FloatArray


def mean_average_precision(matches: Sequence[CategoryMatches], weights: FloatArray) -> FloatArray:
    """Return the mean over categories and overlaps, float64 ``[draws]``; NaN without objects.

    Args:
        matches: of each category.
        weights: float64 ``[draws, n]``, how often each image counts.
    """
    sums, counts = np.zeros(len(weights)), np.zeros(len(weights))
    for each in matches:
        objects = weights @ each.objects
        shown = objects > 0
        sums[shown] += _category_precision(each, weights[shown], objects[shown])
        counts += shown
    blank = np.full(len(weights), np.nan)
    return np.asarray(np.divide(sums, counts, out=blank, where=counts > 0))


def _category_precision(
    matches: CategoryMatches, weights: FloatArray, objects: FloatArray
) -> FloatArray:
    size = max(1, CHUNK_VALUES // max(1, len(matches.image)))
    parts = [
        np.mean(
            [
                _average_precision(
                    matches, row, weights[start : start + size], objects[start:][:size]
                )
                for row in range(len(matches.matched))
            ],
            axis=0,
        )
        for start in range(0, len(weights), size)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _average_precision(
    matches: CategoryMatches, row: int, weights: FloatArray, objects: FloatArray
) -> FloatArray:
    """Return the mean over recalls of the precision that is reached from there on.

    Precision falls between two matches, so that matches alone are looked at.
    """
    places = np.flatnonzero(matches.matched[row] & ~matches.ignored[row])
    if not len(places):
        return np.zeros(len(weights))
    detected = weights[:, matches.image]
    found = np.cumsum(detected[:, places], axis=1)
    counted = (
        np.where(matches.ignored[row], 0.0, detected) if matches.ignored[row].any() else detected
    )
    all_found = np.cumsum(counted, axis=1)[:, places]
    precision = np.divide(found, all_found, out=np.zeros_like(found), where=all_found > 0)
    reached = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recalls = np.searchsorted(RECALLS, found / objects[:, None], side="right")
    steps = np.diff(recalls, axis=1, prepend=0)
    return np.asarray((reached * steps).sum(axis=1) / len(RECALLS))
