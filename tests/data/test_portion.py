import pickle

import numpy as np
import pytest
from PIL import Image

from imprint.data.boxes.cropped import CroppedImages
from imprint.data.files import in_memory
from imprint.data.imageset import ArrayImages
from imprint.data.joined import JoinedImages
from imprint.data.open import open_images
from imprint.data.portion import Portion, portion
from imprint.data.selected import SelectedImages
from imprint.data.view import View

COUNT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for number in range(COUNT):
        file = root / "ab"[number % 2] / f"{number:02}.png"
        file.parent.mkdir(exist_ok=True)
        pixels = random.integers(0, 256, (9 + number % 3, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return root


def arrays(seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (COUNT, 3, 8, 8), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(COUNT) % 2, ("a", "b"), "arrays")


def every_kind(folder):
    files = open_images(folder)
    rows = np.array([11, 2, 3, 5, 7, 8, 10, 0])
    squares = np.tile([1.0, 1.0, 7.0, 7.0], (len(rows), 1))
    return {
        "arrays": arrays(),
        "files": files,
        "files in memory": in_memory(open_images(folder)),
        "joined": JoinedImages(arrays(), files, "both"),
        "selected": SelectedImages(files, rows, ("b", "a")),
        "cropped": CroppedImages(JoinedImages(files, arrays(1), "both"), rows + 4, squares),
    }


KINDS = ("arrays", "files", "files in memory", "joined", "selected", "cropped")


@pytest.mark.parametrize("kind", KINDS)
def test_a_portion_reads_the_same_images_in_another_process(folder, kind):
    images = every_kind(folder)[kind]
    view = View(images, np.array([5, 1, 7, 1, 0, 6]), 0.9)
    for rows in (slice(0, 3), slice(2, 6)):
        shard, whole = pickle.loads(pickle.dumps(portion(view, rows))), view.rows(rows)
        assert isinstance(shard.images, Portion)
        assert shard.images.fingerprint() == images.fingerprint()
        assert len(shard.images) == len(images)
        np.testing.assert_array_equal(shard.index, whole.index)
        np.testing.assert_array_equal(shard.labels, whole.labels)
        np.testing.assert_array_equal(shard.squares, whole.squares)
        np.testing.assert_array_equal(shard.read(6).pixels, whole.read(6).pixels)
        for index in shard.index.tolist():
            assert shard.images.name_of(index) == images.name_of(index)


def test_only_the_images_of_the_rows_travel(folder):
    pixels = np.zeros((1000, 3, 16, 16), dtype=np.uint8)
    images = ArrayImages(pixels, np.zeros(1000, dtype=np.int64), ("a",))
    few = pickle.dumps(portion(View(images, np.arange(1000)), slice(10, 20)))
    assert 10 * 768 < len(few) < 20 * 768
    files = portion(View(open_images(folder), np.arange(COUNT)), slice(4, 6))
    assert pickle.dumps(files).count(b".png") == 2


def test_sets_of_a_kind_of_their_own_stay_whole():
    class Other:
        name, classes, labels, channels = "other", ("a",), np.zeros(4, dtype=np.int64), 3

    other = Other()
    shard = portion(View(other, np.arange(4)), slice(1, 3))
    assert shard.images is other
    assert shard.index.tolist() == [1, 2]
