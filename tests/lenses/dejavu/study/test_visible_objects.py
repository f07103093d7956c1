import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.boxes.voc_files import write_voc
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.lenses.dejavu.study.visible_objects import shown_shares, shows_object

IMAGES = ArrayImages(
    np.zeros((3, 3, 10, 10), dtype=np.uint8),
    np.array([0, 1, 1]),
    ("Polar_bear, bear", "dog"),
    "set",
)
SQUARES = np.array([[0.0, 0.0, 5.0, 5.0]] * 3)
CROPS = View(IMAGES, np.arange(3), rectangles=SQUARES)


def test_tags_of_the_own_class_count_by_any_synonym(tmp_path):
    file = tmp_path / "tags.csv"
    file.write_text("image,tag,score\nset[0],polar bear,0.9\nset[1],polar bear,0.9\n")
    shown, unknown = shows_object(CROPS, file, 0.0)
    assert shown.tolist() == [True, False, False]
    assert unknown.tolist() == [False, False, True]
    assert not shows_object(CROPS, file, 0.95)[0].any()


def test_objects_count_where_the_crop_shows_enough_of_them(tmp_path):
    boxes = {0: (4, 4, 10, 10), 1: (3, 3, 6, 6), 2: (0, 0, 2, 2)}
    names = {0: "bear", 1: "dog", 2: "cat"}
    for row, box in boxes.items():
        file = tmp_path / f"set[{row}].xml"
        write_voc(file, [box], (10, 10), "f", "p", names[row], scores=[0.5])
    # 1 of 36 pixels of the bear is in the crop, 4 of 9 of the dog; the cat is no dog.
    shown, unknown = shows_object(CROPS, tmp_path, 0.0)
    assert shown.tolist() == [False, True, False]
    assert not unknown.any()
    assert not shows_object(CROPS, tmp_path, 0.6)[0].any()


def test_shares_of_boxes_in_a_square():
    boxes = np.array([[0.0, 0, 4, 4], [2, 2, 6, 6], [5, 5, 9, 9], [1, 1, 1, 3]])
    assert shown_shares(boxes, (0, 0, 4, 4)).tolist() == [1, 0.25, 0, 0]


def test_files_of_other_images_are_refused(tmp_path):
    (tmp_path / "tags.csv").write_text("image,tag\nother[7],dog\n")
    with pytest.raises(ImprintError, match=r"tags\.csv"):
        shows_object(CROPS, tmp_path / "tags.csv", 0.0)
