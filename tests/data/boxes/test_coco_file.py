import json

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.coco_file import read_coco_file

IMAGES = [
    {"id": 9, "file_name": "a.jpg", "width": 64, "height": 48},
    {"id": "x", "file_name": "train/b.jpg"},
]
BOXES = [
    {"id": 1, "image_id": "x", "category_id": 3, "bbox": [1.5, 2, 10, 20.25]},
    {
        "image_id": 9,
        "bbox": [0, 0, 5, 6],
        "segmentation": [[1, 2, 3, 4]],
        "nested": {"bbox": [9, 9, 9, 9], "image_id": 77},
    },
    {"image_id": 9, "bbox": [7, 8, 1, 1], "segmentation": {"counts": "abc", "size": [3, 4]}},
]


def write(folder, images=IMAGES, boxes=BOXES, **more):
    path = folder / "instances.json"
    path.write_text(json.dumps({**more, "images": images, "annotations": boxes}))
    return path


def test_corners_of_every_box_and_the_image_it_is_of(tmp_path):
    content = read_coco_file(write(tmp_path, info={"images": [1]}, licenses=[[[]], 3]))
    assert content.names == ["a.jpg", "train/b.jpg"]
    assert content.sizes.tolist() == [[64, 48], [0, 0]]
    assert content.owner.tolist() == [1, 0, 0]
    assert content.boxes.tolist() == [[1.5, 2, 11.5, 22.25], [0, 0, 5, 6], [7, 8, 8, 9]]


def test_annotations_may_stand_before_images(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"annotations": BOXES, "images": IMAGES}))
    assert read_coco_file(path).owner.tolist() == [1, 0, 0]


def test_a_file_without_boxes_has_images(tmp_path):
    content = read_coco_file(write(tmp_path, boxes=[]))
    assert content.boxes.shape == (0, 4)
    assert content.owner.dtype == np.int64


def changed(entry, **changes):
    return {key: value for key, value in {**entry, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    ("images", "boxes", "message"),
    [
        (IMAGES, [changed(BOXES[0], image_id=5)], "name the image 5, which images does not list"),
        (IMAGES, [changed(BOXES[0], image_id=...)], r"annotations\[0\] has no image_id"),
        (IMAGES, [changed(BOXES[0], image_id=True)], r"annotations\[0\] has no image_id"),
        (IMAGES, [changed(BOXES[0], image_id=1.5)], r"annotations\[0\] has no image_id"),
        (IMAGES, [changed(BOXES[0], bbox=...)], r"annotations\[0\] has no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox=[1, 2, 3])], "no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox=[1, 2, 3, 4, 5])], "no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox=[1, 2, 3, "4"])], "no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox=[1, 2, 3, None])], "no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox={"x": 1})], "no bbox of four numbers"),
        (IMAGES, [changed(BOXES[0], bbox=7)], "no bbox of four numbers"),
        (IMAGES, [[1]], r"annotations\[0\] is a list, not an object"),
        (IMAGES, [1], "annotations holds a single value"),
        (IMAGES, 7, "annotations holds a single value"),
        (IMAGES, {}, "annotations is an object, not a list"),
        ([IMAGES[0], changed(IMAGES[1], id=9)], BOXES, r"images\[1\] has the id 9 of an image"),
        ([changed(IMAGES[0], file_name=...)], [], r"images\[0\] has no file_name"),
        ([changed(IMAGES[0], file_name="../")], [], r"images\[0\] has no file_name"),
        ([changed(IMAGES[0], id=...)], [], r"images\[0\] has no id"),
        ([changed(IMAGES[0], width=-3)], [], "a width or height of -3 pixels"),
        ([changed(IMAGES[0], width=6.5)], [], "no whole number of pixels"),
        ([changed(IMAGES[0], height="48")], [], "no whole number of pixels"),
    ],
)
def test_entries_that_cannot_be_used_are_refused(tmp_path, images, boxes, message):
    with pytest.raises(ImprintError, match=message) as caught:
        read_coco_file(write(tmp_path, images, boxes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds a list"),
        ("3", "holds a single value"),
        ("{}", "has no images and no annotations"),
        ('{"images": []}', "has no annotations"),
        ('{"images": [], "annotations": [], "images": []}', "images is there twice"),
        ('{"images": [{"id": 1, "id": 2}], "annotations": []}', r"images\[0\] has id twice"),
        ('{"images": [], "annotations": [{"bbox": [1], "bbox": [2]}]}', "has bbox twice"),
        ('{"images": [], "annotations": [' + '{"a": ' * 40, "nested more than"),
        ('{"images": [], "annotations": [{"bbox": [NaN, 1, 1, 1]}]}', "not JSON"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, text, message):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ImprintError, match=message):
        read_coco_file(path)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ImprintError, match="cannot read the boxes"):
        read_coco_file(tmp_path / "a.json")
