"""Average precision of a few boxes, which can be computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from imprint.lenses.coverage.detection.found import Found

pytest.importorskip("pycocotools")

from imprint.lenses.coverage.detection.average_precision import PrecisionJudge

BOX = [0.2, 0.2, 0.6, 0.6]
WIDE = [0.2, 0.2, 0.8, 0.6]
"""Overlaps BOX by two thirds: it matches at 0.50, 0.55, 0.60 and 0.65 of ten overlaps."""
ELSEWHERE = [0.7, 0.7, 0.9, 0.9]


def judge(count: int = 2) -> PrecisionJudge:
    boxes, rows = np.array([BOX] * count), np.arange(count)
    return PrecisionJudge(rows, boxes, np.zeros(count, int), np.zeros(count, bool), count)


def found(boxes: list[list[float]], scores: list[float], category: int = 0) -> Found:
    one = np.array(scores)[:, None]
    return Found(np.array(boxes)[:, None], one, np.full(one.shape, category))


def test_every_object_found_is_one() -> None:
    assert judge().precision(found([BOX, BOX], [0.9, 0.1])) == pytest.approx(1.0)


def test_overlaps_count_by_their_size() -> None:
    assert judge().precision(found([WIDE, WIDE], [0.9, 0.1])) == pytest.approx(0.4)


def test_a_surer_false_box_halves_what_follows() -> None:
    """Of two objects one is found, behind a false box: precision 1/2 up to recall 1/2."""
    precision = judge().precision(found([ELSEWHERE, BOX], [0.9, 0.1]))
    assert precision == pytest.approx(0.5 * 51 / 101)


@pytest.mark.parametrize("category", [1, -1])
def test_other_and_unknown_classes_find_nothing(category: int) -> None:
    assert judge().precision(found([BOX, BOX], [0.9, 0.8], category)) == 0.0


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    judge().precision(found([BOX, BOX], [0.9, 0.1]))
    assert capsys.readouterr() == ("", "")


def test_boxes_that_score_nothing_are_no_detections() -> None:
    """A suppressed box scores 0; taken for a detection it would find the object."""
    boxes = np.array([[WIDE, BOX]] * 2)
    scores = np.array([[0.9, 0.0]] * 2)
    kept = Found(boxes, scores, np.zeros(scores.shape, int))
    assert judge().precision(kept) == pytest.approx(0.4)


def test_categories_without_objects_are_not_evaluated() -> None:
    """A file of 90,000 categories took minutes for each set of neurons."""
    evaluated = judge().precision(found([BOX, BOX], [0.9, 0.1], 89_999))
    assert evaluated == 0.0
    assert judge().truth.getCatIds() == [0]
