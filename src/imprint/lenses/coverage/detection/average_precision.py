"""Mean average precision as COCO computes it, by pycocotools (extra ``detection``)."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.extras import import_pycocotools
from imprint.lenses.coverage.detection.found import Found

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
        categories: likewise.

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
        categories: int,
    ) -> None:
        self.pycocotools = import_pycocotools()
        sides = boxes[:, 2:] - boxes[:, :2]
        self.truth = self.pycocotools.coco.COCO()
        # Ids begin with 1: in its list of matches pycocotools takes 0 for none.
        self.truth.dataset = {
            "images": [{"id": row} for row in range(images)],
            "categories": [{"id": row} for row in range(categories)],
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
        image, query = np.nonzero((found.category >= 0) & (found.scores > 0))
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
            return 0.0
        with contextlib.redirect_stdout(io.StringIO()):
            judged: Any = self.pycocotools.cocoeval.COCOeval(
                self.truth, self.truth.loadRes(rows), "bbox"
            )
            judged.params.maxDets = [MOST_BOXES]
            judged.params.areaRng, judged.params.areaRngLbl = [ALL_AREAS], ["all"]
            judged.evaluate()
            judged.accumulate()
        values = judged.eval["precision"]
        known = values[values > -1]
        return float(known.mean()) if known.size else 0.0
