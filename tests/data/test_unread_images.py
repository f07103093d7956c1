import shutil

import pytest
from PIL import Image

from imprint.cli import main
from imprint.core.errors import ImprintError
from imprint.data.open import inspect_images, notices, open_images


@pytest.fixture
def root(tmp_path):
    """Return two classes of a JPEG each, under the suffixes .jpg and .jfif."""
    for name in ("cat/a.jpg", "dog/b.jfif"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        Image.new("RGB", (8, 8), (200, 0, 0)).save(tmp_path / "data" / name, format="JPEG")
    return tmp_path / "data"


def test_jpegs_are_read_under_all_their_suffixes(root):
    shutil.copy(root / "cat/a.jpg", root / "cat/c.JPE")
    assert open_images(root).paths == ["cat/a.jpg", "cat/c.JPE", "dog/b.jfif"]


def test_images_of_kinds_that_are_not_read_are_counted_and_logged(root, capsys):
    for name in ("cat/x.heic", "cat/y.AVIF", "dog/z.heic", "dog/notes.txt", "dog/.hidden.heic"):
        (root / name).touch()
    opened = inspect_images(root)
    assert opened.unread == ("cat/x.heic", "cat/y.AVIF", "dog/z.heic")
    assert notices(opened) == [
        "data: 3 images are of kinds that imprint does not read (.avif, .heic) and were left out, "
        "cat/x.heic first: save them as JPEG or PNG"
    ]
    main(["data", "describe", "--data", str(root), "--out", str(root.parent / "out")])
    assert "3 images are of kinds" in capsys.readouterr().err


def test_a_class_of_nothing_else_is_refused_with_the_reason(root):
    (root / "emu").mkdir()
    (root / "emu" / "x.heic").touch()
    with pytest.raises(ImprintError, match=r"class emu has no image that imprint reads, and 1 of"):
        open_images(root)
