import gzip
import pickle
import re
import struct

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.geometry import whole_rectangles
from imprint.data.open import inspect_images, layout_of, open_images
from imprint.data.sources.cifar import read_dictionary
from imprint.data.sources.mnist import read_idx
from imprint.data.sources.registry import layouts


def put_image(file, colour=(0, 0, 0), size=(6, 4)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file, "PNG")


def colour_of(images, index):
    """One pixel of a whole image read as a 2 × 2 square."""
    whole = whole_rectangles(images.sizes()[[index]])
    return images.read(np.array([index]), whole, 2)[0, :, 0, 0].tolist()


def names_of(images):
    return [images.name_of(index) for index in range(len(images))]


def test_every_layout_is_registered():
    assert layouts.names() == [
        "arrays",
        "cifar",
        "folder",
        "imagenet",
        "imagenet_index",
        "mnist",
        "tiny_imagenet",
    ]


class TestFolder:
    def test_index_follows_sorted_classes_then_sorted_files(self, tmp_path):
        for value, name in enumerate(["b/10.png", "b/9.PNG", "a/z.png", "B/x.png"]):
            put_image(tmp_path / name, (value, 0, 0))
        images = open_images(tmp_path)
        assert layout_of(tmp_path) == "folder"
        assert images.classes == ("B", "a", "b")
        assert images.labels.tolist() == [0, 1, 2, 2]
        assert names_of(images) == ["B/x.png", "a/z.png", "b/10.png", "b/9.PNG"]
        assert [colour_of(images, index)[0] for index in range(4)] == [3, 2, 0, 1]
        assert images.boxes() is None
        assert images.name == tmp_path.name

    def test_hidden_names_and_other_files_are_passed_over(self, tmp_path):
        put_image(tmp_path / "a" / "x.png")
        put_image(tmp_path / "a" / "._x.png")
        put_image(tmp_path / ".cache" / "y.png")
        (tmp_path / "a" / "notes.txt").write_text("none")
        (tmp_path / "labels.csv").write_text("none")
        assert names_of(open_images(tmp_path)) == ["a/x.png"]

    def test_parts(self, tmp_path):
        put_image(tmp_path / "train" / "a" / "x.png")
        put_image(tmp_path / "val" / "a" / "y.png")
        assert names_of(open_images(tmp_path)) == ["a/x.png"]
        assert names_of(open_images(tmp_path, part="val")) == ["a/y.png"]
        with pytest.raises(ImprintError, match=r"no part 'test': it has train, val"):
            open_images(tmp_path, part="test")

    def test_a_class_called_train_is_a_class(self, tmp_path):
        put_image(tmp_path / "train" / "x.png")
        put_image(tmp_path / "bus" / "x.png")
        assert open_images(tmp_path).classes == ("bus", "train")

    def test_a_class_without_images_is_named(self, tmp_path):
        put_image(tmp_path / "a" / "x.png")
        (tmp_path / "b").mkdir()
        with pytest.raises(ImprintError, match=r"class b has no image in .*b: add one"):
            open_images(tmp_path)

    def test_images_without_class_folders(self, tmp_path):
        put_image(tmp_path / "x.png")
        with pytest.raises(ImprintError, match="has no class folders"):
            open_images(tmp_path, layout="folder")

    def test_the_fingerprint_moves_with_the_folder_and_changes_with_its_files(self, tmp_path):
        for place in ("one", "two", "three"):
            put_image(tmp_path / place / "a" / "x.png")
        put_image(tmp_path / "three" / "a" / "y.png")
        one, two, three = (
            open_images(tmp_path / place).fingerprint() for place in ("one", "two", "three")
        )
        assert one == two != three


VOC = (
    "<annotation><size><width>{width}</width><height>4</height></size><object><bndbox>"
    "<xmin>1</xmin><ymin>0</ymin><xmax>{xmax}</xmax><ymax>2</ymax></bndbox></object></annotation>"
)


def put_voc(file, xmax=3, width=6):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(VOC.format(xmax=xmax, width=width))


class TestImageNet:
    @pytest.fixture
    def root(self, tmp_path):
        for name in ("n00000002/n00000002_7", "n00000001/n00000001_10", "n00000001/n00000001_9"):
            put_image(tmp_path / "train" / f"{name}.JPEG")
        return tmp_path

    def test_boxes_beside_the_images_are_found(self, root):
        put_voc(root / "Annotation/n00000001/n00000001_9.xml")
        put_voc(root / "Annotation/n00000001/n00000001_404.xml")
        (root / "words.txt").write_text("n00000001\tfrog, toad\nn00000002\tfrog\n")
        opened = inspect_images(root)
        assert opened.layout == "imagenet"
        assert names_of(opened.images)[0] == "n00000001/n00000001_10.JPEG"
        assert [table.tolist() for table in opened.images.boxes()] == [[], [[1, 0, 3, 2]], []]
        assert (opened.box_files_missing, opened.box_files_unused) == (2, 1)
        assert opened.images.classes == ("frog (n00000001)", "frog (n00000002)")

    def test_the_folders_of_the_challenge(self, root):
        (root / "Data" / "CLS-LOC").mkdir(parents=True)
        (root / "train").rename(root / "Data" / "CLS-LOC" / "train")
        put_voc(root / "Annotations/CLS-LOC/train/n00000002/n00000002_7.xml")
        images = open_images(root)
        assert [len(table) for table in images.boxes()] == [0, 0, 1]

    def test_a_class_folder_that_is_no_wordnet_id(self, root):
        (root / "train" / "frog").mkdir()
        with pytest.raises(ImprintError, match=r"frog is not named by a WordNet id"):
            open_images(root, layout="imagenet")


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


class TestTinyImageNet:
    @pytest.fixture
    def root(self, tmp_path):
        for wnid, box in (("n02", "0\t0\t5\t3"), ("n01", "1\t2\t2\t2")):
            put_image(tmp_path / f"train/{wnid}/images/{wnid}_0.JPEG")
            (tmp_path / f"train/{wnid}/{wnid}_boxes.txt").write_text(f"{wnid}_0.JPEG\t{box}\n")
        for name in ("val_0.JPEG", "val_1.JPEG", "val_10.JPEG"):
            put_image(tmp_path / "val" / "images" / name)
        (tmp_path / "val" / "val_annotations.txt").write_text(
            "val_0.JPEG\tn02\t0\t0\t1\t1\nval_1.JPEG\tn01\t0\t0\t2\t2\n"
            "val_10.JPEG\tn01\t0\t0\t3\t3\n"
        )
        (tmp_path / "words.txt").write_text("n01\tgoldfish, Carassius auratus\n")
        return tmp_path

    def test_train(self, root):
        images = open_images(root)
        assert layout_of(root) == "tiny_imagenet"
        assert images.classes == ("goldfish", "n02")
        assert names_of(images) == ["n01/images/n01_0.JPEG", "n02/images/n02_0.JPEG"]
        assert [table.tolist() for table in images.boxes()] == [[[1, 2, 3, 3]], [[0, 0, 6, 4]]]

    def test_val_has_the_labels_of_train_and_is_sorted_by_class(self, root):
        images = open_images(root, part="val")
        assert names_of(images) == [f"images/val_{number}.JPEG" for number in (1, 10, 0)]
        assert images.labels.tolist() == [0, 0, 1]
        assert [int(table[0, 2]) for table in images.boxes()] == [3, 4, 2]

    def test_an_image_without_a_line_has_no_box(self, root):
        put_image(root / "train/n01/images/n01_1.JPEG")
        assert [len(table) for table in open_images(root).boxes()] == [1, 0, 1]

    @pytest.mark.parametrize("line", ["n01_0.JPEG 1 2 3", "n01_0.JPEG 1 2 3 x", "n 1 2 3 4 5"])
    def test_a_malformed_line(self, root, line):
        (root / "train/n01/n01_boxes.txt").write_text(f"\n{line}\n")
        with pytest.raises(ImprintError, match=r"n01_boxes.txt, line 2: expected 5 columns"):
            open_images(root)

    def test_missing_pieces(self, root):
        with pytest.raises(ImprintError, match="labels for train and val alone, not for 'test'"):
            open_images(root, part="test")
        put_image(root / "val/images/val_11.JPEG")
        with pytest.raises(ImprintError, match=r"does not list images/val_11\.JPEG"):
            open_images(root, part="val")
        (root / "train/n01/n01_boxes.txt").unlink()
        with pytest.raises(ImprintError, match=r"cannot read .*n01_boxes\.txt: No such file"):
            open_images(root)

    def test_val_of_a_class_that_train_lacks(self, root):
        with (root / "val" / "val_annotations.txt").open("a") as file:
            file.write("val_2.JPEG\tn03\t0\t0\t1\t1\n")
        with pytest.raises(ImprintError, match=r"names the class n03, which .*train lacks"):
            open_images(root, part="val")


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
            ([0.5, 1], "label 0.5 is no whole number"),
            ([True, 1], "label True is no whole number"),
            ([1, "frog"], "label 'frog' is no whole number"),
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
        with pytest.raises(ImprintError, match="has 9 bytes where its header promises 10"):
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
            with pytest.raises(ImprintError, match="no IDX file of unsigned bytes with 3 axes"):
                read_idx(file, axes=3)
        file.write_bytes(b"\0\0\x08\x03" + bytes(5))
        with pytest.raises(ImprintError, match=r"x has 9 bytes"):
            read_idx(file, axes=3)
        zipped = tmp_path / "x.gz"
        content = self.idx(np.arange(250, dtype=np.uint8))
        zipped.write_bytes(gzip.compress(content)[:-9])
        with pytest.raises(ImprintError, match=r"x\.gz is damaged"):
            read_idx(zipped, axes=1)


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
