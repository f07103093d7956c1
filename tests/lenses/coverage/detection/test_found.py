"""Overlap, recall and average precision of detections, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.lenses.coverage.detection.found import (
    Found,
    Padded,
    measure_quality,
    overlaps,
    pad_objects,
)

OWNER = np.array([1, 0, 1, 1])
BOXES = np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0, 0, 0.5, 0.5], [0, 0, 1, 1]], dtype=float)
CATEGORY = np.array([0, 1, 1, 0])
CROWD = np.array([False, False, False, True])
HALF = [0.0, 0.0, 0.5, 0.5]


def padded() -> Padded:
    return pad_objects(OWNER, BOXES, CATEGORY, CROWD, 3)


def found(scores: list[float], category: list[int]) -> Found:
    boxes = np.array([[[0, 0, 0.5, 1]], [HALF], [HALF]])
    return Found(boxes, np.array(scores)[:, None], np.array(category)[:, None])


def test_objects_stand_side_by_side_without_crowds() -> None:
    objects = padded()
    assert objects.present.tolist() == [[True, False], [True, True], [False, False]]
    assert objects.category[objects.present].tolist() == [1, 0, 1]
    assert objects.boxes[1].tolist() == [BOXES[0].tolist(), BOXES[2].tolist()]


def test_quality_by_hand() -> None:
    quality = measure_quality(found([0.9, 0.8, 0.4], [1, 1, 0]), padded(), 0.5, 0.25)
    assert quality.mean_iou == pytest.approx(2 / 3)  # 1, nothing of class 0, 1
    assert quality.recall == pytest.approx(2 / 3)
    assert quality.confidence == pytest.approx(0.7)
    assert quality.mean_average_precision == 0.25


def test_boxes_below_the_threshold_and_of_unknown_classes_do_not_count() -> None:
    assert measure_quality(found([0.4, 0.4, 0.9], [1, 1, 1]), padded(), 0.5, 0.0).recall == 0
    assert measure_quality(found([0.9, 0.9, 0.9], [-1, -1, -1]), padded(), 0.5, 0.0).mean_iou == 0


@given(st.integers(0, 2**32 - 1))
def test_overlap_is_that_of_cells_of_a_grid(seed: int) -> None:
    random = np.random.default_rng(seed)
    low = random.integers(0, 6, (2, 3, 2))
    boxes = np.concatenate([low, low + random.integers(0, 4, (2, 3, 2))], axis=2)
    one, other = (np.zeros((3, 10, 10), dtype=bool) for _ in range(2))
    for cells, part in zip((one, other), boxes, strict=True):
        for row, (x0, y0, x1, y1) in enumerate(part):
            cells[row, y0:y1, x0:x1] = True
    shared = (one[:, None] & other[None]).sum((2, 3))
    union = (one[:, None] | other[None]).sum((2, 3))
    wanted = np.where(union > 0, shared / np.maximum(union, 1), 0.0)
    assert np.allclose(overlaps(boxes[:1].astype(float), boxes[1:].astype(float))[0], wanted)
