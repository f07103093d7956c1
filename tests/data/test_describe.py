"""Counts of a small set, by hand, and the two commands on the embedded set."""

from __future__ import annotations

import json

import numpy as np
import pytest

from imprint.commands.data import DescribeData, SplitData
from imprint.core.errors import ImprintError
from imprint.data.describe import DataFacts, describe, lines
from imprint.data.imageset import ArrayImages
from imprint.study.finding import read_finding, to_json


def boxed_images():
    boxes = [
        np.array([[0, 0, 10, 40]]),  # leaves 30 × 40 at the right
        np.array([[5, 5, 35, 35], [0, 0, 4, 4]]),  # leaves at most 5
        np.empty((0, 4), dtype=np.int64),
    ]
    pixels = np.zeros((3, 3, 40, 40), dtype=np.uint8)
    return ArrayImages(pixels, np.array([0, 0, 1]), ("cat", "dog"), "pets", boxes)


def test_counts_by_hand():
    facts = to_json(describe(boxed_images(), min_px=8, corner_fraction=0.25))
    assert facts["images"] == 3
    assert facts["left_out"] == 0
    assert facts["sizes"]["median"] == [40, 40]
    assert facts["classes"]["images"] == {"cat": 2, "dog": 1}
    assert facts["classes"]["annotated"] == {"cat": 2, "dog": 0}
    assert facts["classes"]["smallest"] == {"name": "dog", "images": 1}
    assert facts["classes"]["median_annotated"] == 1
    assert facts["boxes"] == {
        "images": 2,
        "images_without": 1,
        "boxes": 3,
        "most_in_one_image": 2,
    }
    assert facts["crops"]["maxrect"] == {
        "usable": 1,
        "median_shorter_side": 30,
        "reasons": {"crop too small": 1, "no box": 1},
    }
    assert facts["crops"]["corner"]["median_shorter_side"] == 10
    assert json.loads(json.dumps(facts)) == facts


def test_text_tells_the_same():
    text = "\n".join(lines(describe(boxed_images(), min_px=8, corner_fraction=0.25)))
    assert "pets: 3 images, 40 × 40 pixels, 3 channels" in text
    assert "2, 1 (dog) to 2 (cat) images" in text
    assert "boxes        3 in 2 images, 1 image without, median 1 annotated" in text
    assert "1 usable, median shorter side 30 px (1 crop too small; 1 no box)" in text


def test_sets_without_boxes_have_corner_crops_only():
    pixels = np.zeros((2, 1, 10, 20), dtype=np.uint8)
    facts = describe(ArrayImages(pixels, np.zeros(2, dtype=np.int64), ("one",)), 8, 0.3)
    assert list(facts.crops) == ["corner"]
    assert "boxes        none" in lines(facts)


def test_describe_writes_what_it_returns(tmp_path, capsys):
    facts = DescribeData(out=tmp_path, composite_count=40).run()
    assert json.loads((tmp_path / "data.json").read_text()) == to_json(facts)
    assert read_finding(DataFacts, tmp_path / "data.json") == facts
    assert "composite: 40 images" in capsys.readouterr().out
    DescribeData(out=tmp_path, composite_count=40, json=True).run()
    assert capsys.readouterr().out == ""


def test_split_counts_add_up_and_the_files_are_there(tmp_path, capsys):
    facts = SplitData(out=tmp_path, composite_count=80, per_class=(2, 3)).run()
    assert to_json(facts.sizes["3"]) == {
        "bbox_A": 30,
        "bbox_B": 30,
        "shared": 0,
        "train": 30,
        "public": 20,
        "smallest_public_class": 2,
    }
    assert facts.val_set == 20
    assert len(np.load(tmp_path / "split" / "2_per_class" / "public.npy")) == 40
    assert "3 per class: A and B train on 30 images each" in capsys.readouterr().out
    assert SplitData(out=tmp_path, composite_count=80, per_class=(2, 3)).run() == facts


def test_split_refuses_other_settings_in_the_same_place(tmp_path):
    SplitData(out=tmp_path, composite_count=80, per_class=(2,)).run()
    with pytest.raises(ImprintError, match="was made with other settings"):
        SplitData(out=tmp_path, composite_count=80, per_class=(2,), shuffle=True).run()


def test_split_of_images_without_boxes_says_what_to_choose(tmp_path):
    np.savez(
        tmp_path / "plain.npz",
        images=np.zeros((12, 3, 8, 8), dtype=np.uint8),
        labels=np.repeat(np.arange(2), 6),
    )
    choice = {"data": str(tmp_path / "plain.npz"), "out": tmp_path / "out", "per_class": (2,)}
    with pytest.raises(ImprintError, match=r"has no object boxes: .*--without-boxes"):
        SplitData(**choice).run()
    assert SplitData(**choice, without_boxes=True).run().sizes["2"].public == 4
