import pickle
import re

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import layout_of, open_images
from imprint.data.sources.cifar import read_dictionary


class TestCifar:
    @staticmethod
    def put(file, content, protocol=2):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(content, protocol=protocol))

    def put_ten(self, root, each=2):
        for number in range(1, 6):
            pixels = np.full((each, 3072), number, dtype=np.uint8)
            pixels[:, 1024:2048] += 100
            self.put(root / f"data_batch_{number}", {b"data": pixels, b"labels": [1] * each})
        self.put(root / "test_batch", {b"data": np.zeros((1, 3072), np.uint8), b"labels": [0]})
        self.put(root / "batches.meta", {b"label_names": [b"airplane", b"frog"]})

    def test_ten_classes_in_the_order_of_the_batches(self, tmp_path):
        self.put_ten(tmp_path / "cifar-10-batches-py")
        images = open_images(tmp_path)
        assert layout_of(tmp_path) == "cifar"
        assert images.pixels.shape == (10, 3, 32, 32)
        assert images.pixels[:, 0, 0, 0].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        assert images.pixels[0, :, 31, 31].tolist() == [1, 101, 1]
        assert images.classes == ("airplane", "frog")
        assert open_images(tmp_path, part="test").labels.tolist() == [0]
        with pytest.raises(ImprintError, match="parts train and test, not 'val'"):
            open_images(tmp_path, part="val")

    def test_a_hundred_classes_have_their_fine_labels(self, tmp_path):
        pixels = np.zeros((2, 3072), np.uint8)
        content = {b"data": pixels, b"fine_labels": [2, 0], b"coarse_labels": [0, 0]}
        self.put(tmp_path / "train", content)
        self.put(tmp_path / "meta", {b"fine_label_names": [b"apple", b"bear", b"can"]})
        images = open_images(tmp_path)
        assert images.labels.tolist() == [2, 0]
        assert images.classes == ("apple", "bear", "can")

    @pytest.mark.parametrize("protocol", [0, 2, 4])
    def test_a_pickle_that_runs_a_program_is_refused(self, tmp_path, protocol):
        class Evil:
            def __reduce__(self):
                return (open, (str(tmp_path / "written"), "w"))

        self.put(tmp_path / "evil", {b"data": Evil()}, protocol)
        with pytest.raises(ImprintError, match=r"refused to read .*evil: it calls for .*open"):
            read_dictionary(tmp_path / "evil")
        assert not (tmp_path / "written").exists()

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0.5, 1], "label 0.5 is not a whole number"),
            ([True, 1], "label True is not a whole number"),
            ([1, "frog"], "label 'frog' is not a whole number"),
            ([0, 2], "labels go from 0 to 2, but there are 2 classes"),
            ([-1, 0], "labels go from -1 to 0, but there are 2 classes"),
            ([0, 10**12], "labels go from 0 to 1000000000000, but there are 2 classes"),
        ],
    )
    def test_labels_that_are_no_classes_are_refused(self, tmp_path, labels, message):
        self.put_ten(tmp_path)
        content = {b"data": np.zeros((2, 3072), np.uint8), b"labels": labels}
        self.put(tmp_path / "data_batch_3", content)
        with pytest.raises(ImprintError, match=re.escape(f"data_batch_3: {message}")):
            open_images(tmp_path)

    def test_damage(self, tmp_path):
        self.put_ten(tmp_path)
        batch = tmp_path / "data_batch_3"
        batch.write_bytes(batch.read_bytes()[:-50])
        with pytest.raises(ImprintError, match=r"data_batch_3 is damaged"):
            open_images(tmp_path)
        self.put(batch, {b"data": np.zeros((2, 3072), np.float32), b"labels": [0, 0]})
        with pytest.raises(ImprintError, match=r"data_batch_3: it holds an array of"):
            open_images(tmp_path)
        batch.unlink()
        with pytest.raises(ImprintError, match=r"cannot read .*data_batch_3: No such file"):
            open_images(tmp_path)
