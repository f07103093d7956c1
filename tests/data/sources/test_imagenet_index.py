import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images, layout_of, open_images
from tests.data.sources.image_files import colour_of, names_of, put_image


class TestImageNetIndex:
    NAMES = ("n02_7.JPEG", "n01_10.JPEG", "n02_3.JPEG", "n01_9.JPEG")

    @pytest.fixture
    def root(self, tmp_path):
        for value, name in enumerate(self.NAMES):
            put_image(tmp_path / "train" / name[:3] / name, (value, 0, 0))
        put_image(tmp_path / "train" / "n01" / "unlisted.JPEG")
        put_image(tmp_path / "val" / "v_2.JPEG", (9, 0, 0))
        put_image(tmp_path / "val" / "v_1.JPEG", (8, 0, 0))
        self.put_index(tmp_path)
        return tmp_path

    def put_index(self, root, **changes):
        arrays = {
            "tr_filenames": np.array([name.encode() for name in self.NAMES]),
            "tr_labels": np.array([1, 0, 1, 0], dtype=np.int32),
            "tt_filenames": np.array([b"v_2.JPEG", b"v_1.JPEG"]),
            "tt_labels": np.array([0, 1]),
        }
        np.savez(root / "imagenet_index.npz", **{**arrays, **changes})

    def test_the_row_of_the_file_is_the_index(self, root):
        opened = inspect_images(root)
        images = opened.images
        assert opened.layout == "imagenet_index"
        assert names_of(images) == [f"{name[:3]}/{name}" for name in self.NAMES]
        assert [colour_of(images, index)[0] for index in range(4)] == [0, 1, 2, 3]
        assert images.labels.tolist() == [1, 0, 1, 0]
        assert images.classes == ("n01", "n02")

    def test_images_without_class_folders(self, root):
        images = open_images(root, part="val")
        assert [colour_of(images, index)[0] for index in range(2)] == [9, 8]
        assert (images.labels.tolist(), images.classes) == ([0, 1], ("0", "1"))

    def test_a_folder_without_the_file_keeps_its_layout(self, root):
        (root / "imagenet_index.npz").unlink()
        assert layout_of(root) == "folder"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"tr_filenames": np.array([b"a.JPEG"] * 4)}, r"lacks 4 of the 4 .*\(a.JPEG"),
            ({"tr_labels": np.zeros(3, dtype=int)}, r"tr_labels is int64 \[3\]"),
            ({"tr_filenames": np.zeros(4)}, "tr_filenames must hold file names, not float64"),
            ({"tt_labels": np.array([{}, {}])}, "is not an .npz file of plain arrays"),
        ],
    )
    def test_what_does_not_fit_is_named(self, root, changes, message):
        self.put_index(root, **changes)
        with pytest.raises(ImprintError, match=message):
            open_images(root)

    def test_one_name_in_two_folders(self, root):
        put_image(root / "train" / "n02" / "n01_9.JPEG")
        with pytest.raises(ImprintError, match=r"two images n01_9.JPEG, in n01 and n02"):
            open_images(root)
