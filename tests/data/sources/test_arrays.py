import re

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import open_images


class TestArrays:
    pixels = np.arange(2 * 3 * 5 * 4, dtype=np.uint8).reshape(2, 3, 5, 4)

    @pytest.mark.parametrize(
        ("stored", "expected"),
        [
            (pixels, pixels),
            (pixels.transpose(0, 2, 3, 1), pixels),
            (pixels[:, 0], pixels[:, :1]),
            (pixels[:, 0, :, :, None], pixels[:, :1]),
            (pixels[:, :, :3, :3], pixels[:, :, :3, :3]),
        ],
    )
    def test_axes(self, tmp_path, stored, expected):
        np.savez(tmp_path / "x.npz", images=stored, labels=[1, 0])
        images = open_images(tmp_path / "x.npz")
        assert np.array_equal(images.pixels, expected)
        assert images.classes == ("0", "1")
        assert images.name == "x"
        assert images.boxes() is None

    @pytest.mark.parametrize("channels", [2, 4, 12])
    def test_any_number_of_channels(self, tmp_path, channels):
        pixels = np.random.default_rng(0).integers(0, 256, (2, channels, 6, 6)).astype(np.uint8)
        np.savez(tmp_path / "first.npz", images=pixels, labels=[1, 0])
        np.savez(tmp_path / "last.npz", images=pixels.transpose(0, 2, 3, 1), labels=[1, 0])
        for name in ("first", "last"):
            images = open_images(tmp_path / f"{name}.npz")
            assert images.channels == channels
            assert np.array_equal(images.pixels, pixels)

    def test_stated_axes_settle_shapes_that_do_not_tell(self, tmp_path):
        pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 6)).astype(np.uint8)
        np.savez(tmp_path / "x.npz", images=pixels, labels=[1, 0], axes="NHWC")
        opened = open_images(tmp_path / "x.npz")
        assert np.array_equal(opened.pixels, pixels.transpose(0, 3, 1, 2))

    @pytest.mark.parametrize(
        ("boxes", "expected"),
        [
            ([[0, 0, 2, 2], [-1, -1, -1, -1]], [[[0, 0, 2, 2]], []]),
            ([[0, 0, 2, 2.5], [np.nan] * 4], [[[0, 0, 2, 3]], []]),
            (
                [[[0, 0, 1, 1], [1, 1, 2, 2]], [[3, 3, 4, 4], [-1, -1, -1, -1]]],
                [[[0, 0, 1, 1], [1, 1, 2, 2]], [[3, 3, 4, 4]]],
            ),
        ],
    )
    def test_boxes(self, tmp_path, boxes, expected):
        np.savez(tmp_path / "x.npz", images=self.pixels, labels=[1, 0], boxes=boxes)
        opened = open_images(tmp_path / "x.npz").boxes()
        assert [table.tolist() for table in opened] == expected

    def test_half_a_box_is_not_padding(self, tmp_path):
        boxes = [[0, 0, np.nan, 2], [0, 0, 1, 1]]
        np.savez(tmp_path / "x.npz", images=self.pixels, labels=[1, 0], boxes=boxes)
        with pytest.raises(ImprintError, match=r"x\[0\]: box .* is not made of numbers"):
            open_images(tmp_path / "x.npz")

    def test_a_folder_of_arrays_and_its_parts(self, tmp_path):
        for place, label in ((tmp_path, 0), (tmp_path / "val", 1)):
            place.mkdir(exist_ok=True)
            np.save(place / "images.npy", self.pixels)
            np.save(place / "labels.npy", [label, label])
            np.save(place / "classes.npy", ["cat", "dog"])
        np.savez(tmp_path / "test.npz", images=self.pixels[:1], labels=[1], classes=["a", "b"])
        assert open_images(tmp_path).labels.tolist() == [0, 0]
        assert open_images(tmp_path / "images.npy").classes == ("cat", "dog")
        assert open_images(tmp_path, part="val").labels.tolist() == [1, 1]
        assert open_images(tmp_path, part="test").classes == ("a", "b")
        with pytest.raises(ImprintError, match=r"for part 'dev': it has test"):
            open_images(tmp_path, part="dev")
        with pytest.raises(ImprintError, match="is one file and has no part 'val'"):
            open_images(tmp_path / "test.npz", part="val")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"labels": None}, "lacks labels: it holds images"),
            ({"images": pixels.astype(np.float32)}, "images are float32: save them as uint8"),
            ({"images": pixels[0, 0]}, "must be uint8 [n, channels, height, width]"),
            ({"labels": [0.5, 1]}, "labels are float64: save them as integers"),
            ({"labels": [0, -1]}, "label -1 of image 1 is not in 0…0"),
            ({"labels": [0, 1, 1]}, "2 images need as many labels"),
            ({"boxes": np.zeros((2, 5))}, "boxes are float64 [2, 5]: expected numbers [2, 4]"),
            ({"boxes": np.zeros((3, 4))}, "boxes are float64 [3, 4]"),
            ({"images": pixels[:0], "labels": np.empty(0, int)}, "holds no images"),
            (
                {"images": np.zeros((2, 4, 5, 6), np.uint8)},
                "may have 4 or 6 channels: save axes='NCHW' or axes='NHWC' beside them",
            ),
            (
                {"images": np.zeros((2, 4, 5, 6), np.uint8), "axes": "CHWN"},
                "axes is 'CHWN': it must be NCHW or NHWC",
            ),
        ],
    )
    def test_arrays_that_do_not_fit(self, tmp_path, change, message):
        arrays = {"images": self.pixels, "labels": [0, 1]} | change
        kept = {key: value for key, value in arrays.items() if value is not None}
        np.savez(tmp_path / "x.npz", **kept)
        with pytest.raises(ImprintError, match=re.escape(message)):
            open_images(tmp_path / "x.npz")

    def test_a_label_of_a_trillion_counts_no_classes(self, tmp_path):
        np.savez(tmp_path / "x.npz", images=self.pixels, labels=[0, 10**12])
        with pytest.raises(ImprintError, match="label 1000000000000 is too large"):
            open_images(tmp_path / "x.npz")

    def test_nothing_pickled_and_nothing_damaged_is_read(self, tmp_path):
        file = tmp_path / "x.npz"
        np.savez(file, images=np.array([{}], dtype=object), labels=[0])
        with pytest.raises(ImprintError, match=r"x\.npz .*pickled objects"):
            open_images(file)
        file.write_bytes(b"PK\x03\x04 nothing")
        with pytest.raises(ImprintError, match=r"x\.npz is not an \.npz file"):
            open_images(file)
        np.save(tmp_path / "y.npy", self.pixels)
        with pytest.raises(ImprintError, match=r"y\.npy is one array"):
            open_images(tmp_path / "y.npy")
