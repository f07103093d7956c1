"""What a detector found in some images, and how well that meets the objects in them.

Boxes are in shares of width and height: the overlap of two boxes is the same in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray

MATCHED_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class Found:
    """One box a query.

    Attributes:
        boxes: float64 ``[n, queries, 4]`` (x0, y0, x1, y1).
        scores: float64 ``[n, queries]`` in [0, 1].
        category: int64 ``[n, queries]``; −1 for a class that the annotations do not have.
    """

    boxes: FloatArray
    scores: FloatArray
    category: IntArray


@dataclass(frozen=True, eq=False)
class Padded:
    """The objects of each image side by side, without crowds.

    Attributes:
        boxes: float64 ``[n, most, 4]``.
        category: int64 ``[n, most]``.
        present: bool ``[n, most]``, which are objects.
    """

    boxes: FloatArray
    category: IntArray
    present: BoolArray


def pad_objects(
    owner: IntArray, boxes: FloatArray, category: IntArray, crowd: BoolArray, images: int
) -> Padded:
    """Return objects ``[m]`` of images 0 … ``images`` − 1 side by side."""
    rows = np.flatnonzero(~crowd)
    rows = rows[np.argsort(owner[rows], kind="stable")]
    counts = np.bincount(owner[rows], minlength=images)
    starts = np.cumsum(counts) - counts
    place = owner[rows], np.arange(len(rows)) - starts[owner[rows]]
    shape = (images, int(counts.max(initial=0)))
    padded = Padded(np.zeros((*shape, 4)), np.zeros(shape, dtype=np.int64), np.zeros(shape, bool))
    padded.boxes[place], padded.category[place], padded.present[place] = (
        boxes[rows],
        category[rows],
        True,
    )
    return padded


def overlaps(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return intersection over union of boxes ``[n, a, 4]`` and ``[n, b, 4]``, ``[n, a, b]``.

    >>> one, other = np.array([[[0, 0, 2, 2.0]]]), np.array([[[1, 0, 3, 2.0], [5, 5, 6, 6.0]]])
    >>> overlaps(one, other).round(3).tolist()
    [[[0.333, 0.0]]]
    """
    low = np.maximum(one[:, :, None, :2], other[:, None, :, :2])
    high = np.minimum(one[:, :, None, 2:], other[:, None, :, 2:])
    shared = (high - low).clip(0).prod(-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clip(0).prod(-1) for boxes in (one, other)]
    union = areas[0][:, :, None] + areas[1][:, None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


@dataclass(frozen=True)
class Quality:
    """How well detections meet objects.

    Attributes:
        mean_iou: over objects, largest overlap with a box of its class that counts; 0 without one.
        confidence: mean over images of the largest score.
        recall: share of objects that such a box overlaps by at least one half.
        mean_average_precision: over categories and overlaps 0.50 … 0.95, as COCO computes it.
    """

    mean_iou: float
    confidence: float
    recall: float
    mean_average_precision: float


METRICS = tuple(Quality.__dataclass_fields__)


def best_overlaps(found: Found, objects: Padded, threshold: float) -> FloatArray:
    """Return the largest overlap of each object with a box that counts, ``[n, most]``.

    Args:
        found: in the images of ``objects``.
        objects: side by side; where none is present the value means nothing.
        threshold: least score of a box that counts.
    """
    counts = (found.category[:, None] == objects.category[:, :, None]) & (
        found.scores[:, None] >= threshold
    )
    largest: FloatArray = np.where(counts, overlaps(objects.boxes, found.boxes), 0.0).max(2)
    return largest


def measure_quality(found: Found, objects: Padded, threshold: float, precision: float) -> Quality:
    """Return the quality of detections.

    One box may count for several objects that lie on one another.

    Args:
        found: in the images of ``objects``.
        objects: at least one.
        threshold: least score of a box that counts for overlap and recall.
        precision: mean average precision, from
            :mod:`imprint.lenses.coverage.detection.average_precision`.
    """
    best = best_overlaps(found, objects, threshold)[objects.present]
    return Quality(
        float(best.mean()),
        float(found.scores.max(1).mean()),
        float((best >= MATCHED_OVERLAP).mean()),
        precision,
    )
