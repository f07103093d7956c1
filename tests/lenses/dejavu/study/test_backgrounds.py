import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.split import Partition
from imprint.lenses.dejavu.options import DejavuChoice
from imprint.lenses.dejavu.study.backgrounds import attacked_set, cut_backgrounds

BOXES = [[[0, 0, 8, 16]], [[0, 0, 16, 16]], [[8, 0, 16, 16]], []]
IMAGES = ArrayImages(
    np.zeros((4, 3, 16, 16), dtype=np.uint8),
    np.array([0, 1, 0, 1]),
    ("a", "b"),
    object_boxes=[np.array(boxes, dtype=np.int64).reshape(-1, 4) for boxes in BOXES],
)


def options(**changes):
    return DejavuChoice(out="unused", k=1, min_crop_px=4, **changes)


def test_the_half_beside_the_box_is_the_background_and_a_full_box_leaves_none():
    backgrounds = cut_backgrounds(IMAGES, np.arange(4), options())
    assert backgrounds.index.tolist() == [0, 2]
    assert backgrounds.squares.tolist() == [[8, 4, 16, 12], [0, 4, 8, 12]]
    assert backgrounds.dropped(np.ones(4, bool)) == {"crop too small": 1, "no box": 1}


def test_the_sets_are_attacked_one_after_the_other():
    empty = np.empty(0, dtype=np.int64)
    partition = Partition(
        np.array([0]), np.array([2]), empty, np.array([0]), np.array([2]), np.array([3])
    )
    attacked = attacked_set(IMAGES, partition, options())
    assert attacked.index.tolist() == [0, 2]
    assert attacked.side.tolist() == [0, 1]
    assert attacked.crops(IMAGES).labels.tolist() == [0, 0]
    with pytest.raises(ImprintError, match="no image of set B has a background to attack"):
        attacked_set(
            IMAGES,
            Partition(*(partition.bbox_a, np.array([1])), *([empty] * 3), np.array([3])),
            options(),
        )
    with pytest.raises(ImprintError, match="only 1 images are public"):
        attacked_set(IMAGES, partition, DejavuChoice(out="unused", k=2))
