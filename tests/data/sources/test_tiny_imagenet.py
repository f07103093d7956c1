import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import layout_of, open_images
from tests.data.sources.image_files import names_of, put_image


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
        with pytest.raises(ImprintError, match="labels for train and val only, not for 'test'"):
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
