import pytest

from imprint.core.errors import ImprintError
from imprint.data.folder_contents import folder_names, image_names, unread_names


def test_names_are_sorted_and_hidden_ones_left_out(tmp_path) -> None:
    for name in ("b.png", "a.JPEG", ".c.png", "d.txt", "e.svg"):
        (tmp_path / name).touch()
    for name in ("z", "y", ".x"):
        (tmp_path / name).mkdir()
    assert image_names(tmp_path) == ["a.JPEG", "b.png"]
    assert folder_names(tmp_path) == ["y", "z"]
    assert unread_names(tmp_path) == ["e.svg"]
    assert image_names(tmp_path / "none") == folder_names(tmp_path / "none") == []


def test_a_name_that_is_not_utf_8_is_rejected(tmp_path) -> None:
    try:
        (tmp_path / "a\udcff.png").touch()
    except (OSError, UnicodeError):
        pytest.skip("the file system takes no such names")
    with pytest.raises(ImprintError, match="whose name is not UTF-8: rename it"):
        image_names(tmp_path)
