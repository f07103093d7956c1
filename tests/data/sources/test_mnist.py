import gzip
import struct

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import layout_of, open_images
from imprint.data.sources.mnist import read_idx


class TestMnist:
    @staticmethod
    def idx(array):
        return (
            struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
        )

    def put(self, root, prefix="train", labels=(3, 1)):
        root.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(len(labels) * 20, dtype=np.uint8).reshape(-1, 4, 5)
        (root / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(self.idx(pixels)))
        (root / f"{prefix}-labels-idx1-ubyte").write_bytes(self.idx(np.uint8(labels)))

    def test_gray_images_gzipped_or_not(self, tmp_path):
        self.put(tmp_path / "MNIST" / "raw")
        images = open_images(tmp_path)
        assert layout_of(tmp_path) == "mnist"
        assert images.channels == 1
        assert images.pixels[1, 0].ravel().tolist() == list(range(20, 40))
        assert images.labels.tolist() == [3, 1]
        assert images.classes == tuple("0123456789")

    def test_missing_and_damaged_files(self, tmp_path):
        self.put(tmp_path)
        with pytest.raises(ImprintError, match="has no t10k-images-idx3-ubyte"):
            open_images(tmp_path, part="test")
        with pytest.raises(ImprintError, match="not 'val'"):
            open_images(tmp_path, part="val")
        labels = tmp_path / "train-labels-idx1-ubyte"
        labels.write_bytes(self.idx(np.uint8([1, 2, 3])))
        with pytest.raises(ImprintError, match="2 images need as many labels"):
            open_images(tmp_path)
        labels.write_bytes(self.idx(np.uint8([1, 2]))[:-1])
        with pytest.raises(ImprintError, match="has 9 bytes where its header declares 10"):
            open_images(tmp_path)

    def test_read_idx_refuses_other_kinds(self, tmp_path):
        file = tmp_path / "x"
        for content in (
            b"",
            b"\0\0\x08",
            self.idx(np.zeros(3, np.uint8)),
            b"\0\0\x0d\x03" + bytes(12),
        ):
            file.write_bytes(content)
            with pytest.raises(ImprintError, match="not an IDX file of unsigned bytes with 3 axes"):
                read_idx(file, axes=3)
        file.write_bytes(b"\0\0\x08\x03" + bytes(5))
        with pytest.raises(ImprintError, match=r"x has 9 bytes"):
            read_idx(file, axes=3)
        zipped = tmp_path / "x.gz"
        content = self.idx(np.arange(250, dtype=np.uint8))
        zipped.write_bytes(gzip.compress(content)[:-9])
        with pytest.raises(ImprintError, match=r"x\.gz is damaged"):
            read_idx(zipped, axes=1)
