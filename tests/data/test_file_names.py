"""What is written about an image is read back for that image, in the layout of the trial."""

import json

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.file_names import class_folders, export_names, stems
from imprint.data.files import DecodedFiles, in_memory
from imprint.data.imageset import ArrayImages
from imprint.data.name_join import match_names
from imprint.data.open import open_images
from imprint.probe.boxes import write_boxes


@pytest.fixture
def photos(tmp_path):
    """Return 24 photos of one size: cat/000001.jpg … 000012.jpg, dog/000013.jpg … 000024.jpg.

    Number i shows a bright square of 8 pixels at column i.
    """
    for number in range(1, 25):
        folder = tmp_path / "data" / ("cat" if number <= 12 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((40, 40, 3), dtype=np.uint8)
        pixels[10:18, number : number + 8] = 255
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=100)
    return tmp_path / "data"


class BrightSquares:
    """A detector that sees what is bright."""

    def detect(self, pixels, what):
        found = []
        for image in pixels:
            rows, columns = np.nonzero(image.min(axis=0) > 128)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            found.append(Detected(np.array([box]), np.array([1.0])))
        return found


class Detected:
    def __init__(self, boxes, scores):
        self.boxes, self.scores = boxes, scores


def test_boxes_come_back_for_their_own_images(photos, tmp_path):
    images = in_memory(open_images(photos))
    assert isinstance(images, DecodedFiles)
    write_boxes(tmp_path / "boxes", images, np.arange(24), BrightSquares(), 5)
    assert (tmp_path / "boxes/Annotation/dog/000013.xml").exists()
    boxed = open_images(photos, boxes=tmp_path / "boxes")
    for number, boxes in enumerate(boxed.boxes(), start=1):
        assert boxes.tolist() == [[number, 10, number + 8, 18]]


def test_crops_are_called_like_their_images(photos, tmp_path, capsys):
    words = ["data", "crops", "--crop", "corner", "--size", "4", "--data", str(photos)]
    main([*words, "--out", str(tmp_path / "out"), "--json"])
    assert json.loads(capsys.readouterr().out)["crops"] == 24
    crops = open_images(tmp_path / "out" / "crops")
    assert [path.removesuffix(".png") for path in crops.paths] == [
        path.removesuffix(".jpg") for path in open_images(photos).paths
    ]


def test_decoded_images_are_called_as_in_their_files(photos):
    files = open_images(photos)
    names = export_names(files, range(24))
    assert names == export_names(in_memory(files), range(24))
    assert (names[0], names[23]) == ("cat/000001", "dog/000024")
    assert in_memory(files).fingerprint() == files.fingerprint()


def test_two_files_of_one_stem_are_refused(photos, tmp_path):
    Image.new("RGB", (40, 40)).save(photos / "cat" / "000001.png")
    images = open_images(photos)
    message = r"cat/000001\.jpg and cat/000001\.png of data would share the file cat/000001"
    with pytest.raises(ImprintError, match=message):
        write_boxes(tmp_path / "boxes", images, np.arange(25), BrightSquares(), 5)
    with pytest.raises(SystemExit):
        main(["data", "crops", "--crop", "corner", "--data", str(photos), "--out", str(tmp_path)])
    folder = tmp_path / "boxes" / "cat"
    folder.mkdir(parents=True)
    (folder / "000001.xml").write_text("<annotation></annotation>")
    with pytest.raises(ImprintError, match="may belong to any of 2 images of that name"):
        open_images(photos, boxes=tmp_path / "boxes")


def test_classes_that_share_a_folder_of_images_have_folders_of_their_own(tmp_path):
    """The validation part of Tiny ImageNet: every image lies in val/images."""
    root = tmp_path / "tiny"
    lines = []
    for number, wnid in enumerate(("n01", "n02", "n02")):
        (root / "train" / wnid / "images").mkdir(parents=True, exist_ok=True)
        (root / "val" / "images").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / "val" / "images" / f"val_{number}.JPEG")
        lines.append(f"val_{number}.JPEG\t{wnid}\t0\t0\t3\t3\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    images = open_images(root, layout="tiny_imagenet", part="val")
    assert export_names(images, range(3)) == ["n01/val_0", "n02/val_1", "n02/val_2"]


def test_arrays_are_called_by_class_and_row():
    pixels = np.zeros((3, 1, 4, 4), dtype=np.uint8)
    images = ArrayImages(pixels, np.array([0, 1, 2]), ("a/b", "a-b", "c"), "set")
    assert class_folders(images) == ("a-b (0)", "a-b (1)", "c")
    assert stems(images, [2, 0]) == ["000002", "000000"]
    assert export_names(images, [2, 0]) == ["c/000002", "a-b (0)/000000"]


@pytest.mark.parametrize(
    ("given", "row"),
    [
        ("cat/1.jpg", 0), ("dog/1", 1), ("/data/crops/dog/1.png", 1), ("2.png", 2),
        ("crops/2.png", 2), ("n07/8.xml", 3), ("images/8.png", 3), ("n07/images/8.JPEG", 3),
        ("dog\\1.png", 1), ("set[0]", 4), ("dog/2.jpg", None), ("3", None), ("", None),
    ],
)  # fmt: skip
def test_names_are_joined_from_their_end(given, row):
    names = ["cat/1.jpg", "dog/1.jpg", "cat/2.jpg", "n07/images/8.JPEG", "set[0]"]
    assert match_names([given], names) == [row]
