"""Mean average precision as COCO computes it, by pycocotools (extra ``detection``)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.extras import import_pycocotools
from imprint.lenses.coverage.detection.found import Found
from imprint.lenses.coverage.detection.matches import CategoryMatches

MOST_BOXES = 100
ALL_AREAS = [0.0, 1e10]


class PrecisionJudge:
    """Objects that detections are compared with.

    Args:
        owner: int64 ``[m]``, the image of each.
        boxes: float64 ``[m, 4]`` (x0, y0, x1, y1).
        category: int64 ``[m]``.
        crowd: bool ``[m]``.
        images: how many there are.

    Raises:
        ImprintError: pycocotools is not installed.
    """

    def __init__(
        self,
        owner: IntArray,
        boxes: FloatArray,
        category: IntArray,
        crowd: BoolArray,
        images: int,
    ) -> None:
        self.pycocotools = import_pycocotools()
        # Categories without objects have no precision, and each costs time for every image.
        self.shown = np.unique(category[~crowd])
        sides = boxes[:, 2:] - boxes[:, :2]
        self.truth = self.pycocotools.coco.COCO()
        # Ids begin with 1: in its list of matches pycocotools takes 0 for none.
        self.truth.dataset = {
            "images": [{"id": row} for row in range(images)],
            "categories": [{"id": row} for row in self.shown.tolist()],
            "annotations": [
                {
                    "id": row + 1,
                    "image_id": int(owner[row]),
                    "category_id": int(category[row]),
                    "bbox": [*boxes[row, :2].tolist(), *sides[row].tolist()],
                    "area": float(sides[row].prod()),
                    "iscrowd": int(crowd[row]),
                }
                for row in range(len(owner))
            ],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            self.truth.createIndex()

    def precision(self, found: Found) -> float:
        """Return the mean over categories and overlaps 0.50, 0.55 … 0.95, in [0, 1].

        Boxes that score 0 are no detections: those are suppressed ones.
        """
        judged = self._judged(found)
        if judged is None:
            return 0.0
        with contextlib.redirect_stdout(io.StringIO()):
            judged.accumulate()
        values = judged.eval["precision"]
        known = values[values > -1]
        return float(known.mean()) if known.size else 0.0

    def matches(self, found: Found) -> tuple[CategoryMatches, ...]:
        """Return which detections match an object, by category that has objects."""
        judged = self._judged(found)
        images = len(self.truth.dataset["images"])
        objects = self._objects_by_image(images)
        results: list[Any] = [None] * (images * len(objects))
        if judged is not None:
            results = judged.evalImgs
        return tuple(
            _category_matches(results[row * images : (row + 1) * images], each)
            for row, each in enumerate(objects)
        )

    def _objects_by_image(self, images: int) -> FloatArray:
        counts = np.zeros((len(self.shown), images))
        rows = {category: row for row, category in enumerate(self.shown.tolist())}
        for each in self.truth.dataset["annotations"]:
            if not each["iscrowd"]:
                counts[rows[each["category_id"]], each["image_id"]] += 1
        return counts

    def _judged(self, found: Found) -> Any:
        """Return pycocotools' evaluation of detections, None where there are none."""
        image, query = np.nonzero(np.isin(found.category, self.shown) & (found.scores > 0))
        boxes = found.boxes[image, query]
        rows = np.column_stack(
            [
                image,
                boxes[:, :2],
                (boxes[:, 2:] - boxes[:, :2]).clip(0),
                found.scores[image, query],
                found.category[image, query],
            ]
        ).astype(np.float64)
        if not len(rows):
            return None
        with contextlib.redirect_stdout(io.StringIO()):
            judged: Any = self.pycocotools.cocoeval.COCOeval(
                self.truth, self.truth.loadRes(rows), "bbox"
            )
            judged.params.maxDets = [MOST_BOXES]
            judged.params.areaRng, judged.params.areaRngLbl = [ALL_AREAS], ["all"]
            judged.evaluate()
        return judged


def _category_matches(results: Sequence[Any], objects: FloatArray) -> CategoryMatches:
    """Return the detections of a category, the surest first, of one result or None an image."""
    shown = [(row, each) for row, each in enumerate(results) if each is not None]
    if not shown:
        none = np.zeros((1, 0), dtype=bool)
        return CategoryMatches(np.zeros(0, dtype=np.int64), none, none, objects)
    scores = np.concatenate([each["dtScores"] for _, each in shown])
    order = np.argsort(-scores, kind="mergesort")
    image = np.repeat([row for row, _ in shown], [len(each["dtScores"]) for _, each in shown])
    matched, ignored = (
        np.concatenate([each[key] for _, each in shown], axis=1)[:, order].astype(bool)
        for key in ("dtMatches", "dtIgnore")
    )
    return CategoryMatches(image[order].astype(np.int64), matched, ignored, objects)
