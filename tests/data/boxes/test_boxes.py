import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.boxes.boxes import check_boxes, parse_voc, read_voc_folder

SIZES = np.array([[100, 50], [80, 60], [40, 40]])


def name_of(index):
    return f"cat/{index}.jpg"


def check(*tables, **options):
    return check_boxes(tables, SIZES[: len(tables)], name_of, **options)


def voc(*boxes, size=None):
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    objects = "".join(
        f"<object><name>cat</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for x0, y0, x1, y1 in boxes
    )
    return f"<annotation>{stated}{objects}</annotation>"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_good_boxes_come_back_as_they_are():
    found = check([(0, 0, 100, 50), (5, 6, 7, 8)], [], [(1, 2, 3, 4)])
    assert [rows.tolist() for rows in found.boxes] == [
        [[0, 0, 100, 50], [5, 6, 7, 8]],
        [],
        [[1, 2, 3, 4]],
    ]
    assert all(rows.dtype == np.int64 and rows.shape[1] == 4 for rows in found.boxes)
    assert found.clamped.tolist() == found.dropped.tolist() == []


def test_fractions_are_rounded_outwards():
    assert check([(1.2, 2.9, 3.1, 4.0)]).boxes[0].tolist() == [[1, 2, 4, 4]]


@pytest.mark.parametrize(
    ("box", "fault"),
    [
        ((0, 0, float("nan"), 5), "is not made of numbers"),
        ((0, 0, float("inf"), 5), "is not made of numbers"),
        ((9, 0, 5, 5), "is inverted"),
        ((0, 9, 5, 5), "is inverted"),
        ((5, 0, 5, 5), "is empty"),
        ((0, 5, 5, 5), "is empty"),
        ((80, 0, 90, 5), "lies outside its image"),
        ((0, -9, 5, -1), "lies outside its image"),
        ((-1, 0, 5, 5), "reaches out of its image"),
        ((0, -1, 5, 5), "reaches out of its image"),
        ((0, 0, 81, 5), "reaches out of its image"),
        ((0, 0, 5, 60.5), "reaches out of its image"),
    ],
)
def test_a_bad_box_names_its_image_and_fault(box, fault):
    good = [(0, 0, 5, 5)]
    with pytest.raises(ImprintError, match=rf"cat/1\.jpg: box \(.*\) {fault} .*80 × 60"):
        check(good, [*good, box])


def test_clamping_cuts_boxes_to_their_image_and_counts_images():
    found = check([(-5, -5, 500, 500), (-1, 0, 4, 4)], [(0, 0, 5, 5)], on_bad_box="clamp")
    assert found.boxes[0].tolist() == [[0, 0, 100, 50], [0, 0, 4, 4]]
    assert found.boxes[1].tolist() == [[0, 0, 5, 5]]
    assert found.clamped.tolist() == [0]
    assert found.dropped.tolist() == []


@pytest.mark.parametrize(
    "beyond_repair", [(0, 0, float("nan"), 5), (9, 0, 5, 5), (5, 0, 5, 5), (80, 0, 90, 5)]
)
def test_an_image_with_a_box_beyond_repair_loses_all_its_boxes(beyond_repair):
    found = check(
        [(0, 0, 5, 5)], [(-1, 0, 5, 5), beyond_repair], [(0, 0, 99, 9)], on_bad_box="clamp"
    )
    assert [rows.tolist() for rows in found.boxes] == [[[0, 0, 5, 5]], [], [[0, 0, 40, 9]]]
    assert found.dropped.tolist() == [1]
    assert found.clamped.tolist() == [2]


def test_a_box_drawn_on_an_image_of_another_size_is_bad():
    tables = [[(0, 0, 5, 5)], [(0, 0, 5, 5)], [(0, 0, 5, 5)]]
    stated = np.array([[100, 50], [0, 0], [80, 80]])
    with pytest.raises(ImprintError, match=r"cat/2\.jpg: .* drawn on an image of another size"):
        check(*tables, stated_sizes=stated)
    found = check(*tables, stated_sizes=stated, on_bad_box="clamp")
    assert [len(rows) for rows in found.boxes] == [1, 1, 0]
    assert found.dropped.tolist() == [2]


def test_boxes_must_match_the_images():
    with pytest.raises(ImprintError, match="3 images need as many lists of boxes, got 1"):
        check_boxes([[(0, 0, 5, 5)]], SIZES, name_of)


def test_no_images_have_no_boxes():
    assert check().boxes == []


coordinate = st.integers(-20, 120)


@given(st.lists(st.lists(st.tuples(*[coordinate] * 4), max_size=3), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_clamped_boxes_are_good_boxes(tables):
    found = check(*tables, on_bad_box="clamp")
    again = check(*found.boxes)
    for index, (rows, same, given_rows) in enumerate(
        zip(found.boxes, again.boxes, tables, strict=True)
    ):
        np.testing.assert_array_equal(rows, same)
        if index in found.dropped:
            assert len(rows) == 0
        else:
            limit = np.tile(SIZES[index], 2)
            np.testing.assert_array_equal(rows, np.clip(np.reshape(given_rows, (-1, 4)), 0, limit))
            changed = not np.array_equal(rows, np.reshape(given_rows, (-1, 4)))
            assert changed == (index in found.clamped)


@pytest.mark.parametrize("boxes", [[(1, 2, 30, 40)], [(1, 2, 30, 40), (5, 6, 7.5, 8)], []])
def test_voc_files_hold_any_number_of_objects(tmp_path, boxes):
    found = parse_voc(write(tmp_path / "a.xml", voc(*boxes, size=(500, 375))))
    assert found.boxes.tolist() == [list(box) for box in boxes]
    assert found.boxes.shape == (len(boxes), 4)
    assert found.size == (500, 375)


@pytest.mark.parametrize("size", [None, (0, 375), ("", 375), ("wide", 375), (-5, 375)])
def test_a_size_that_is_not_stated_is_none(tmp_path, size):
    assert parse_voc(write(tmp_path / "a.xml", voc(size=size))).size is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not well-formed XML"),
        ("<annotation><object>", "not well-formed XML"),
        ("<?xml version='1.0' encoding='no-such'?><annotation/>", "not well-formed XML"),
        ("<annotation><object/></annotation>", "<object> has no <bndbox>"),
        (
            "<annotation><object><bndbox><xmin>1</xmin></bndbox></object></annotation>",
            "<bndbox> has no <ymin>",
        ),
        (voc(("left", 2, 3, 4)), "<xmin> is 'left', not a number"),
        (voc((1, 2, "", 4)), "<xmax> is '', not a number"),
    ],
)
def test_malformed_voc_files_are_named(tmp_path, text, fault):
    with pytest.raises(ImprintError, match=rf"a\.xml.*({fault})"):
        parse_voc(write(tmp_path / "a.xml", text))


def test_a_missing_voc_file_is_named(tmp_path):
    with pytest.raises(ImprintError, match=r"cannot read the boxes .*a\.xml"):
        parse_voc(tmp_path / "a.xml")


@pytest.mark.parametrize("inner", ["", "Annotation", "Annotations"])
def test_a_folder_is_joined_by_class_and_stem(tmp_path, inner):
    root = tmp_path / inner
    write(root / "n01" / "n01_1.xml", voc((1, 1, 2, 2), size=(10, 20)))
    write(root / "n02" / "x.xml", voc((3, 3, 4, 4), (5, 5, 6, 6)))
    write(root / "n02" / "elsewhere.xml", voc((0, 0, 1, 1)))
    write(root / "n02" / "notes.txt", "not a box")
    stems = ["n01_1", "x", "x", "y"]
    found = read_voc_folder(tmp_path, ["n01", "n02", "n03"], np.array([0, 0, 1, 2]), stems)
    assert [rows.tolist() for rows in found.boxes] == [
        [[1, 1, 2, 2]],
        [],
        [[3, 3, 4, 4], [5, 5, 6, 6]],
        [],
    ]
    assert found.sizes.tolist() == [[10, 20], [0, 0], [0, 0], [0, 0]]
    assert (found.missing, found.orphans) == (2, 1)


def test_folders_without_boxes_for_the_images_are_rejected(tmp_path):
    arguments = (["n01"], np.array([0]), ["n01_1"])
    with pytest.raises(ImprintError, match="no folder of boxes at"):
        read_voc_folder(tmp_path / "nowhere", *arguments)
    with pytest.raises(ImprintError, match=r"has no folder named like a class, e\.g\. n01"):
        read_voc_folder(tmp_path, *arguments)
    write(tmp_path / "n01" / "other.xml", voc((0, 0, 1, 1)))
    with pytest.raises(ImprintError, match=r"no box file for any of the 1 images.*n01_1\.xml"):
        read_voc_folder(tmp_path, *arguments)
