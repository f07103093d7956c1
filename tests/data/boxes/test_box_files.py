import json
import os

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.boxes.background import background_rectangles
from imprint.data.boxes.box_files import NamedImages, box_format, read_box_files
from imprint.data.boxes.voc_files import write_voc
from imprint.data.open import inspect_images, notices

PATHS = ("cat/1.jpg", "cat/2.jpg", "dog/3.jpg")
IMAGES = NamedImages(PATHS, np.array([0, 0, 1]), ("cat", "dog"))
SIZES = np.array([[64, 48], [100, 50], [30, 30]])
BOXES = {"cat/1": [(16, 12, 32, 36)], "dog/3": [(0, 0, 15, 30), (3, 6, 9, 12)]}
KINDS = ("Pascal VOC", "COCO JSON", "YOLO text")


def size_of(name):
    return SIZES[[path[:-4] for path in PATHS].index(name)].tolist()


def write(folder, kind, names=None):
    """Write ``BOXES`` in a format; return what ``--boxes`` names."""
    names = names or {name: name for name in BOXES}
    folder.mkdir(exist_ok=True)
    if kind == "COCO JSON":
        images, boxes = [], []
        for identity, name in enumerate(BOXES):
            width, height = size_of(name)
            image = {"id": identity, "file_name": f"{names[name]}.jpg"}
            images.append({**image, "width": width, "height": height})
            boxes += [
                {"image_id": identity, "bbox": [x0, y0, x1 - x0, y1 - y0]}
                for x0, y0, x1, y1 in BOXES[name]
            ]
        file = folder / "instances.json"
        file.write_text(json.dumps({"images": images, "annotations": boxes}))
        return file
    for name, boxes in BOXES.items():
        width, height = size_of(name)
        path = folder / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "Pascal VOC":
            write_voc(path.with_suffix(".xml"), boxes, (width, height), "f", "p", "n")
            continue
        lines = [
            f"0 {(x0 + x1) / 2 / width:.6f} {(y0 + y1) / 2 / height:.6f} "
            f"{(x1 - x0) / width:.6f} {(y1 - y0) / height:.6f}"
            for x0, y0, x1, y1 in boxes
        ]
        path.with_suffix(".txt").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_boxes(tmp_path, kind):
    place = write(tmp_path / "boxes", kind)
    assert box_format(place) == kind
    annotations = read_box_files(place, kind, IMAGES, SIZES)
    for path, table in zip(PATHS, annotations.boxes, strict=True):
        expected = np.array(BOXES.get(path[:-4], [])).reshape(-1, 4)
        np.testing.assert_allclose(table, expected, atol=1e-4)
    assert (annotations.missing, annotations.orphans) == (1, 0)


@pytest.mark.parametrize("kind", ["COCO JSON", "YOLO text"])
def test_flat_names_are_matched_from_their_end(tmp_path, kind):
    names = {"cat/1": "labels/1", "dog/3": "3"}
    annotations = read_box_files(write(tmp_path / "b", kind, names), kind, IMAGES, SIZES)
    assert [len(table) for table in annotations.boxes] == [1, 0, 2]


@pytest.mark.parametrize("kind", ["COCO JSON", "YOLO text"])
def test_boxes_of_other_images_alone_are_refused(tmp_path, kind):
    names = {"cat/1": "8", "dog/3": "9"}
    with pytest.raises(ImprintError, match="no boxes for any of the 3 images"):
        read_box_files(write(tmp_path / "b", kind, names), kind, IMAGES, SIZES)


def test_two_files_about_one_image_are_refused(tmp_path):
    for name in ("a/1.txt", "b/1.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("0 .5 .5 .5 .5")
    with pytest.raises(ImprintError, match=r"both are about cat/1\.jpg: remove one"):
        read_box_files(tmp_path, "YOLO text", IMAGES, SIZES)


def test_rounding_at_the_border_is_cut_and_more_is_left_to_the_check(tmp_path):
    (tmp_path / "1.txt").write_text("0 0.5 0.5 1.000001 1\n0 0.9 0.5 0.3 1")
    table = read_box_files(tmp_path, "YOLO text", IMAGES, SIZES).boxes[0]
    np.testing.assert_allclose(table, [[0, 0, 64, 48], [48, 0, 67.2, 48]], atol=1e-3)
    assert table[0].tolist() == [0, 0, 64, 48]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), "holds no boxes: expected"),
        (("a.json",), "give the JSON file itself"),
        (("a.xml", "b.txt"), r"holds both \.xml and \.txt files"),
        (("classes.txt",), "holds no boxes"),
    ],
)
def test_folders_that_cannot_be_told_are_refused(tmp_path, files, message):
    for name in files:
        (tmp_path / name).write_text("")
    with pytest.raises(ImprintError, match=message):
        box_format(tmp_path)


def test_a_place_without_anything_is_refused(tmp_path):
    with pytest.raises(ImprintError, match=r"no boxes at .*: check --boxes"):
        box_format(tmp_path / "nothing")


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImprintError, match="pipe, socket or device"):
        read_box_files(tmp_path / "pipe", box_format(tmp_path / "pipe"), IMAGES, SIZES)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos") / "photos"
    for path, (width, height) in zip(PATHS, SIZES.tolist(), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height)).save(root / path)
    return root


def test_every_format_gives_the_same_crops(tmp_path, photos):
    rectangles = []
    for kind in KINDS:
        opened = inspect_images(photos, boxes=write(tmp_path / kind, kind))
        sizes, boxes = opened.images.sizes(), opened.images.boxes()
        rectangles.append(background_rectangles(sizes, boxes, "maxrect", 4).rectangles)
        assert any(f"read as {kind}: 3 boxes in 2 images" in line for line in notices(opened))
    for other in rectangles[1:]:
        np.testing.assert_array_equal(rectangles[0], other)


def test_a_coco_file_of_images_of_another_size_is_refused(tmp_path, photos):
    content = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 640, "height": 480}],
        "annotations": [{"image_id": 1, "bbox": [1, 1, 5, 5]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(ImprintError, match="drawn on an image of another size"):
        inspect_images(photos, boxes=tmp_path / "a.json")


@pytest.mark.parametrize(
    ("bbox", "fault"),
    [
        ([10, 10, -5, 5], "is inverted"),
        ([10, 10, 0, 5], "is empty"),
        ([70, 10, 5, 5], "lies outside its image"),
        ([60, 10, 9, 5], "reaches out of its image"),
        ([-3, 10, 9, 5], "reaches out of its image"),
    ],
)
def test_boxes_that_do_not_fit_are_refused_or_clamped(tmp_path, photos, bbox, fault):
    content = {
        "images": [{"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"image_id": 1, "bbox": bbox}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(ImprintError, match=fault):
        inspect_images(photos, boxes=tmp_path / "a.json")
    clamped = inspect_images(photos, boxes=tmp_path / "a.json", on_bad_box="clamp")
    assert len(clamped.clamped) + len(clamped.dropped) == 1
