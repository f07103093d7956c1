from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.boxes.background import (
    NO_BOX,
    OUTSIDE,
    TOO_SMALL,
    USABLE,
    background_rectangles,
    largest_empty_rectangle,
    slab_rectangle,
)

SIZE = [(500, 375)]

# The published rule on images of 500 × 375 (Meehan et al. 2023).
PUBLISHED = [
    ([(150, 100, 350, 300)], (350, 0, 500, 375)),
    ([(0, 50, 300, 375)], (300, 0, 500, 375)),
    ([(100, 0, 400, 200)], (100, 200, 400, 375)),
    ([(100, 0, 250, 200), (250, 0, 400, 200)], (250, 200, 400, 375)),
    ([(101, 0, 399, 375)], (399, 0, 500, 375)),
]
REFUSED = [
    ([(100, 0, 400, 375)], TOO_SMALL),
    ([(50, 50, 200, 200), (150, 100, 400, 300)], TOO_SMALL),
    ([(100, 50, 520, 300)], OUTSIDE),
    ([(10, 10, 20, 20), (100, 50, 501, 300)], OUTSIDE),
    ([], NO_BOX),
]


def boxes_of(*rows):
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


@st.composite
def annotated_images(draw, most=4):
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    rows = []
    for _ in range(draw(st.integers(1, most))):
        x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        rows.append((x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))))
    return width, height, boxes_of(*rows)


def every_empty_rectangle(width, height, boxes):
    covered = np.zeros((height, width), dtype=bool)
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] = True
    for x0, y0 in product(range(width), range(height)):
        for x1, y1 in product(range(x0 + 1, width + 1), range(y0 + 1, height + 1)):
            if not covered[y0:y1, x0:x1].any():
                yield x0, y0, x1, y1


def slabs_by_pixels(width, height, boxes):
    """Return the slab rule's choice, found by painting the boxes and scanning each slab."""
    edges = sorted({0, width, *boxes[:, 0].tolist(), *boxes[:, 2].tolist()})
    best, longest = None, 0
    for left, right in pairwise(edges):
        covered = np.zeros(height + 2, dtype=bool)
        covered[[0, -1]] = True
        for x0, y0, x1, y1 in boxes:
            if min(x1, right) - max(x0, left) > 0:
                covered[y0 + 1 : y1 + 1] = True
        starts = np.flatnonzero(covered[:-1] & ~covered[1:]).tolist()
        ends = np.flatnonzero(~covered[:-1] & covered[1:]).tolist()
        for top, bottom in zip(starts, ends, strict=True):
            if min(right - left, bottom - top) >= longest:
                best, longest = (left, top, right, bottom), min(right - left, bottom - top)
    return best


def shorter_side(rectangle):
    return min(rectangle[2] - rectangle[0], rectangle[3] - rectangle[1])


@pytest.mark.parametrize(("boxes", "expected"), PUBLISHED)
def test_slab_gives_the_published_rectangles(boxes, expected):
    found = background_rectangles(SIZE, [boxes_of(*boxes)])
    assert found.rectangles.dtype == np.float64
    assert found.rectangles.tolist() == [list(expected)]
    assert found.reasons.tolist() == [USABLE]


@pytest.mark.parametrize(("boxes", "reason"), REFUSED)
def test_refused_images_say_why(boxes, reason):
    found = background_rectangles(SIZE, [boxes_of(*boxes)])
    assert np.isnan(found.rectangles).all()
    assert found.reasons.tolist() == [reason]


def test_min_px_is_strict_and_can_be_set():
    boxes = [boxes_of((100, 0, 400, 375))]
    assert not background_rectangles(SIZE, boxes, min_px=100).usable[0]
    found = background_rectangles(SIZE, boxes, min_px=99)
    assert found.rectangles.tolist() == [[400, 0, 500, 375]]
    assert found.shorter_sides.tolist() == [100]


def test_maxrect_joins_the_slabs_that_the_published_rule_keeps_apart():
    boxes = [boxes_of((100, 0, 250, 200), (250, 0, 400, 200))]
    found = background_rectangles(SIZE, boxes, rule="maxrect")
    assert found.rectangles.tolist() == [[0, 200, 500, 375]]
    assert found.shorter_sides.tolist() == [175]


def test_maxrect_ties_go_to_the_larger_area_then_right_then_low_then_wide():
    assert largest_empty_rectangle(3, 3, [(2, 2, 3, 3)]) == (0, 0, 3, 2)
    assert largest_empty_rectangle(10, 10, [(4, 4, 6, 6)]) == (6, 0, 10, 10)
    assert largest_empty_rectangle(10, 10, [(4, 0, 6, 10)]) == (6, 0, 10, 10)
    assert largest_empty_rectangle(12, 10, [(0, 4, 12, 6)]) == (0, 6, 12, 10)
    # Both strips are 4 wide; the upper one is longer because a box shortens the lower one.
    assert largest_empty_rectangle(20, 10, [(0, 4, 20, 6), (18, 6, 20, 10)]) == (0, 0, 20, 4)


@given(annotated_images())
@settings(max_examples=150, deadline=None)
def test_slab_equals_a_scan_of_pixels(image):
    assert slab_rectangle(*image) == slabs_by_pixels(*image)


@given(annotated_images())
@settings(max_examples=60, deadline=None)
def test_maxrect_equals_the_best_of_every_empty_rectangle(image):
    def rank(rectangle):
        x0, y0, x1, y1 = rectangle
        return shorter_side(rectangle), (x1 - x0) * (y1 - y0), x0, y0, x1

    best = max(every_empty_rectangle(*image), key=rank, default=None)
    assert largest_empty_rectangle(*image) == best


@given(annotated_images())
@settings(max_examples=100, deadline=None)
def test_maxrect_is_never_smaller_than_slab(image):
    slab, largest = slab_rectangle(*image), largest_empty_rectangle(*image)
    assert (slab is None) == (largest is None)
    if slab is not None:
        assert shorter_side(largest) >= shorter_side(slab)


@given(st.lists(annotated_images(most=3), max_size=12), st.sampled_from(["slab", "maxrect"]))
@settings(max_examples=60, deadline=None)
def test_many_at_once_equal_one_by_one(images, rule):
    one = {"slab": slab_rectangle, "maxrect": largest_empty_rectangle}[rule]
    sizes = [(width, height) for width, height, _ in images]
    found = background_rectangles(sizes, [boxes for *_, boxes in images], rule, min_px=1)
    for rectangle, reason, image in zip(found.rectangles, found.reasons, images, strict=True):
        expected = one(*image)
        if expected is None or shorter_side(expected) <= 1:
            assert reason == TOO_SMALL
            assert np.isnan(rectangle).all()
        else:
            assert reason == USABLE
            assert tuple(rectangle) == expected


@pytest.mark.parametrize("rule", ["slab", "maxrect"])
def test_one_box_anywhere_at_once_equals_one_by_one(rule):
    one = {"slab": slab_rectangle, "maxrect": largest_empty_rectangle}[rule]
    spans = list(combinations(range(5), 2))
    boxes = [boxes_of((x0, y0, x1, y1)) for (x0, x1), (y0, y1) in product(spans, spans)]
    found = background_rectangles([(4, 4)] * len(boxes), boxes, rule, min_px=0)
    for rectangle, box in zip(found.rectangles, boxes, strict=True):
        expected = one(4, 4, box)
        assert expected == (None if np.isnan(rectangle).all() else tuple(rectangle))


@pytest.mark.parametrize("rule", ["slab", "maxrect"])
@pytest.mark.parametrize("rows", [[(2, 12, 4, 15)], [(2, 12, 4, 15), (2, 2, 4, 40)]])
def test_crops_stay_in_images_whose_boxes_reach_below(rule, rows):
    (crop,) = background_rectangles([(10, 10)], [boxes_of(*rows)], rule, min_px=1).rectangles
    assert 0 <= crop[0] < crop[2] <= 10
    assert 0 <= crop[1] < crop[3] <= 10


def test_the_boxes_given_are_left_as_they_are():
    boxes = boxes_of((2, -3, 4, 15))
    background_rectangles([(10, 10)], [boxes], min_px=1)
    assert boxes.tolist() == [[2, -3, 4, 15]]


@pytest.mark.parametrize(
    ("corner", "expected"),
    [
        ("lower_left", (0, 70, 60, 100)),
        ("lower_right", (140, 70, 200, 100)),
        ("upper_left", (0, 0, 60, 30)),
        ("upper_right", (140, 0, 200, 30)),
    ],
)
def test_corner_crops_need_no_boxes(corner, expected):
    found = background_rectangles([(200, 100)], None, "corner", corner=corner)
    np.testing.assert_allclose(found.rectangles, [expected])
    assert found.reasons.tolist() == [USABLE]


def test_the_corner_is_the_lower_left_by_default():
    found = background_rectangles([(200, 100)], None, "corner", fraction=0.5)
    np.testing.assert_allclose(found.rectangles, [(0, 50, 100, 100)])


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, float("nan")])
def test_a_corner_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ImprintError, match="corner fraction"):
        background_rectangles(SIZE, None, "corner", fraction=fraction)


def test_rules_that_need_boxes_say_so():
    with pytest.raises(ImprintError, match="slab needs object boxes"):
        background_rectangles(SIZE, None)


def test_boxes_must_match_the_images():
    with pytest.raises(ImprintError, match="1 images need as many lists of boxes, got 2"):
        background_rectangles(SIZE, [boxes_of(), boxes_of()])


@pytest.mark.parametrize("rule", ["slab", "maxrect"])
def test_no_images_give_no_rectangles(rule):
    found = background_rectangles(np.empty((0, 2)), [], rule)
    assert found.rectangles.shape == (0, 4)
    assert found.reasons.shape == (0,)
