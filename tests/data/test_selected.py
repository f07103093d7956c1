import numpy as np

from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.data.selected import of_classes

PIXELS = np.arange(4 * 3 * 2 * 2, dtype=np.uint8).reshape(4, 3, 2, 2)
OTHERS = ArrayImages(PIXELS, np.array([0, 1, 2, 1]), ("cat", "dog", "newt"), "others")


def test_images_of_unknown_classes_are_left_out_and_the_others_numbered_by_name():
    kept = of_classes(OTHERS, ("dog", "eel", "cat"), np.arange(4))
    assert kept.rows.tolist() == [0, 1, 3]
    assert kept.labels.tolist() == [2, 0, 0]
    assert kept.name_of(2) == "others[3]"
    assert len(kept) == 3
    assert kept.boxes() is None
    read = kept.read(np.array([2]), whole_rectangles(kept.sizes()[[2]]), 2)
    assert np.array_equal(read[0], PIXELS[3])


def test_the_fingerprint_depends_on_rows_and_classes():
    every = of_classes(OTHERS, ("cat", "dog"), np.arange(4))
    fewer = of_classes(OTHERS, ("cat", "dog"), np.arange(3))
    swapped = of_classes(OTHERS, ("dog", "cat"), np.arange(4))
    same = of_classes(OTHERS, ("cat", "dog"), np.arange(4))
    assert every.fingerprint() == same.fingerprint()
    assert len({each.fingerprint() for each in (every, fewer, swapped)}) == 3


def test_images_without_boxes_join_those_with_boxes_as_not_annotated():
    box = np.array([[0, 0, 1, 1]])
    boxed = ArrayImages(PIXELS, OTHERS.labels, OTHERS.classes, "boxed", [box] * 4)
    assert JoinedImages(boxed, OTHERS, "both").boxes() is None
    boxes = JoinedImages(boxed, OTHERS, "both", boxes_of_first=True).boxes()
    assert [len(each) for each in boxes] == [1] * 4 + [0] * 4
