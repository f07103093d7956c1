import json

import numpy as np
import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.boxes.crop_files import background_crops, write_crops
from imprint.data.boxes.voc_files import write_voc
from imprint.data.file_names import class_folders, stems
from imprint.data.imageset import ArrayImages
from imprint.data.open import open_images


@pytest.fixture
def images():
    """Four 40 × 20 images; beside the box (0, 0, 18, 20) the background is 22 × 20 pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 20, 40), dtype=np.uint8)
    boxes = [np.array([[0, 0, 18, 20]]), np.array([[1, 0, 40, 20]]), np.empty((0, 4), np.int64)]
    return ArrayImages(pixels, np.array([0, 1, 1, 1]), ("cat", "a/b"), "set", [*boxes, boxes[0]])


def crops_of(images, centre_fraction=1.0, indices=(0, 1, 2, 3), rule="maxrect"):
    return background_crops(images, np.array(indices), rule, 8, 0.3, "lower_left", centre_fraction)


def test_the_squares_are_the_centres_of_the_backgrounds(images) -> None:
    found = crops_of(images)
    assert found.crops.index.tolist() == [0, 3]
    assert found.crops.squares.tolist() == [[19, 0, 39, 20]] * 2
    assert found.reasons == {"crop too small": 1, "no box": 1}
    assert crops_of(images, 0.5).crops.squares.tolist() == [[24, 5, 34, 15]] * 2


def test_the_files_hold_the_pixels_that_are_attacked(images, tmp_path) -> None:
    crops = crops_of(images).crops
    write_crops(tmp_path, crops, 20)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert files == ["a-b/000003.png", "cat/000000.png"]
    for file, index in zip(files, (3, 0), strict=True):
        # A square of 20 pixels, shown at 20 pixels, is the pixels themselves.
        expected = images.pixels[index, :, :, 19:39].transpose(1, 2, 0)
        assert np.array_equal(np.asarray(Image.open(tmp_path / file)), expected)


def test_what_is_written_is_not_written_again(images, tmp_path) -> None:
    write_crops(tmp_path, crops_of(images, indices=(0,)).crops, 20)
    (tmp_path / "cat" / "000000.png").write_bytes(b"kept")
    write_crops(tmp_path, crops_of(images).crops, 20)
    assert (tmp_path / "cat" / "000000.png").read_bytes() == b"kept"
    assert (tmp_path / "a-b" / "000003.png").exists()


def test_no_background_at_all(images) -> None:
    with pytest.raises(ImprintError, match=r"none of 2 images of set has a background .*no box"):
        crops_of(images, indices=(1, 2))


def test_images_in_files_keep_their_folders_and_names(tmp_path) -> None:
    for name in ("n01440764/n01440764_18.JPEG", "n01443537/n01443537_2.JPEG"):
        file = tmp_path / "train" / name
        file.parent.mkdir(parents=True)
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(file)
    (tmp_path / "words.txt").write_text("n01440764\ttench\nn01443537\tgoldfish\n")
    opened = open_images(tmp_path)
    assert opened.classes == ("tench", "goldfish")
    assert class_folders(opened) == ("n01440764", "n01443537")
    assert stems(opened, [1, 0]) == ["n01443537_2", "n01440764_18"]


def test_images_left_out_as_corrupt_are_passed_over(tmp_path) -> None:
    folder = tmp_path / "set" / "cat"
    folder.mkdir(parents=True)
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    opened = open_images(tmp_path / "set", skip_corrupt=True)
    assert crops_of(opened, indices=(0, 1), rule="corner").crops.index.tolist() == [0]


def test_the_command_counts_and_its_folder_opens(images, tmp_path) -> None:
    file = tmp_path / "set.npz"
    boxes = np.array([[0, 0, 18, 20], [1, 0, 40, 20], [-1] * 4, [0, 0, 18, 20]])
    np.savez(file, images=images.pixels, labels=images.labels, boxes=boxes, classes=["cat", "dog"])
    words = ["data", "crops", "--data", str(file), "--out", str(tmp_path / "out"), "--size", "16"]
    main(words)
    main(words)
    assert json.loads((tmp_path / "out" / "crops.json").read_text()) == {
        "crops": 2, "without": {"crop too small": 1, "no box": 1}, "classes": {"cat": 1, "dog": 1}
    }  # fmt: skip
    opened = open_images(tmp_path / "out" / "crops")
    assert (opened.classes, opened.labels.tolist()) == (("cat", "dog"), [0, 1])
    assert opened.sizes().tolist() == [[16, 16]] * 2


def test_boxes_are_written_as_they_are_read(tmp_path) -> None:
    from imprint.data.boxes.boxes import parse_voc

    file = tmp_path / "n01440764" / "n01440764_18.xml"
    boxes = [[1, 2, 30, 18], [5, 0, 40, 20]]
    write_voc(file, boxes, (40, 20), "n01440764", "n01440764_18.JPEG", "tench & co", 3, [0.5, 1])
    read = parse_voc(file)
    assert (read.boxes.tolist(), read.size) == (boxes, (40, 20))
    text = file.read_text()
    assert "<name>tench &amp; co</name>" in text
    assert "<score>0.500000</score>" in text
    assert "<filename>n01440764_18.JPEG</filename>" in text
