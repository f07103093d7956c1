import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images, open_images
from tests.data.sources.image_files import names_of, put_image

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

    def test_a_class_folder_that_is_not_a_wordnet_id(self, root):
        (root / "train" / "frog").mkdir()
        with pytest.raises(ImprintError, match=r"frog is not named by a WordNet id"):
            open_images(root, layout="imagenet")
