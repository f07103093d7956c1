import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data.boxes.yolo_files import MAX_BYTES, MAX_LINES, parse_yolo, yolo_names


def write(folder, content):
    path = folder / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_box_a_scored_box_and_a_polygon(tmp_path):
    text = "3 0.5 0.25 0.5 0.5\n\n0 0.1 0.2 0.2 0.4 0.99\r\n7 0.1 0.9 0.3 0.2 0.8 0.5\n"
    expected = [[0.25, 0, 0.75, 0.5], [0, 0, 0.2, 0.4], [0.1, 0.2, 0.8, 0.9]]
    np.testing.assert_allclose(parse_yolo(write(tmp_path, text)), expected, atol=1e-12)


def test_an_empty_file_is_an_image_without_objects(tmp_path):
    assert parse_yolo(write(tmp_path, "")).shape == (0, 4)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_centre_and_sides_come_back(tmp_path_factory, shares):
    text = "0 " + " ".join(f"{share!r}" for share in shares)
    ((x0, y0, x1, y1),) = parse_yolo(write(tmp_path_factory.mktemp("yolo"), text))
    np.testing.assert_allclose([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], shares, atol=1e-12)


def test_numbers_that_are_not_finite_are_left_to_the_check_of_boxes(tmp_path):
    assert np.isnan(parse_yolo(write(tmp_path, "0 nan 0.5 0.5 0.5"))).any()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0 0.5 0.5 0.5", "line 1 is '0 0.5 0.5 0.5', expected CLASS X Y WIDTH HEIGHT"),
        ("0 .5 .5 .5 .5\n0 .5 .5 .5 .5 .5 .5 .5", "line 2 is"),
        ("cat 0.5 0.5 0.5 0.5", "begins with the number of a class"),
        ("-1 0.5 0.5 0.5 0.5", "begins with the number of a class"),
        ("0.5 0.5 0.5 0.5 0.5", "begins with the number of a class"),
        ("0 0.5 x 0.5 0.5", "expected numbers"),
        ("0 320 240 64 48", "expected shares of the image's sides, not pixels"),
        ("0 inf 0.5 0.5 0.5", "expected shares"),
        ("0 0.5 0.5 0.5 0.5".encode("utf-16"), "not UTF-8"),
        (b"\x00\xff\xfe", "not UTF-8"),
        ("0 0 0 0 0\n" * (MAX_LINES + 1), "more than 50,000 lines"),
        ("0" * (MAX_BYTES + 1), "bytes, too many"),
    ],
)
def test_lines_that_cannot_be_used_are_refused(tmp_path, content, message):
    with pytest.raises(ImprintError, match=message) as caught:
        parse_yolo(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_lists_beside_the_boxes_are_no_boxes(tmp_path):
    for name in ("train/b.txt", "train/a.txt", "classes.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert yolo_names(tmp_path) == ["train/a.txt", "train/b.txt"]
