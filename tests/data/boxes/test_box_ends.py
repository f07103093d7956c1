"""Boxes of the same photos: text files name the last pixel of a box, XML files one beyond."""

import json

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.boxes.background import background_rectangles
from imprint.data.boxes.boxes import grown
from imprint.data.boxes.voc_files import write_voc
from imprint.data.files import in_memory
from imprint.data.open import open_images

BOXES = [(0, 0, 63, 63), (10, 0, 29, 63), (20, 5, 40, 60)]


@pytest.fixture
def tiny(tmp_path):
    """Return Tiny ImageNet with three images, and XML files that repeat its numbers."""
    images = tmp_path / "tiny" / "train" / "n01" / "images"
    images.mkdir(parents=True)
    lines = []
    for number, box in enumerate(BOXES):
        name = f"n01_{number}.JPEG"
        Image.new("RGB", (64, 64)).save(images / name)
        lines.append("\t".join([name, *map(str, box)]))
        write_voc(
            tmp_path / "xml" / "n01" / f"n01_{number}.xml", [box], (64, 64), "n01", name, "cat"
        )
    (images.parent / "n01_boxes.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "tiny"


def boxes_of(root, **options):
    images = open_images(root, **options)
    return [table[0].tolist() for table in images.boxes()], images.box_reading


def test_each_layout_has_its_own_ends(tiny):
    text, reading = boxes_of(tiny)
    assert text == [[x0, y0, x1 + 1, y1 + 1] for x0, y0, x1, y1 in BOXES]
    assert (reading.ends, reading.margin) == ("inclusive", 0)
    xml, reading = boxes_of(tiny, boxes=tiny.parent / "xml")
    assert xml == [list(box) for box in BOXES]
    assert reading.ends == "exclusive"


def test_stated_ends_make_the_layouts_agree_to_the_pixel(tiny):
    text = open_images(tiny)
    xml = open_images(tiny, boxes=tiny.parent / "xml", box_ends="inclusive")
    crops = [
        background_rectangles(images.sizes(), images.boxes(), "maxrect", 8).rectangles
        for images in (text, xml, open_images(tiny, boxes=tiny.parent / "xml"))
    ]
    np.testing.assert_array_equal(crops[0], crops[1])
    assert (crops[0] != crops[2]).any()
    assert boxes_of(tiny, box_ends="exclusive")[0] == [list(box) for box in BOXES]
    assert text.fingerprint() == in_memory(xml).fingerprint()


def test_a_margin_grows_boxes_within_their_images(tiny):
    boxes, reading = boxes_of(tiny, box_margin=3)
    assert boxes == [[0, 0, 64, 64], [7, 0, 33, 64], [17, 2, 44, 64]]
    assert reading.margin == 3
    assert grown([np.empty((0, 4), np.int64)], np.array([[9, 9]]), 2)[0].shape == (0, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"box_margin": -1}, "--box-margin is -1"), ({"layout": "folder"}, "no boxes to grow")],
)
def test_margins_that_cannot_be_are_refused(tiny, options, message):
    root = tiny / "train" if "layout" in options else tiny
    if root != tiny:
        Image.new("RGB", (8, 8)).save(root / "n01" / "a.png")
    with pytest.raises(ImprintError, match=message):
        open_images(root, **{"box_margin": 1, **options})


def test_the_summary_says_how_boxes_were_read(tiny, capsys):
    words = ["data", "describe", "--data", str(tiny), "--out", str(tiny.parent / "out"), "--json"]
    main([*words, "--box-margin", "2"])
    facts = json.loads(capsys.readouterr().out)
    assert (facts["box_ends"], facts["box_margin"]) == ("inclusive", 2)
