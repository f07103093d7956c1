import pytest

from imprint.core.errors import ImprintError
from imprint.data.open import layout_of, open_images
from tests.data.sources.image_files import colour_of, names_of, put_image


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
