import pytest

from imprint.core.errors import ImprintError
from imprint.data.name_join import match_names

NAMES = ["cat/1.jpg", "dog/1.jpg", "dog/2.jpg", "n01/images/n01_7.JPEG"]


@pytest.mark.parametrize(
    ("written", "row"),
    [
        ("dog/1.png", 1),
        ("elsewhere/crops/dog/1", 1),
        ("dog\\2.txt", 2),
        ("2.jpg", 2),
        ("n01/n01_7", 3),
        ("cat/2.jpg", None),
        ("3.jpg", None),
    ],
)
def test_names_agree_from_their_end_without_suffix(written, row) -> None:
    assert match_names([written], NAMES) == [row]


def test_of_several_names_for_one_image_the_closest_counts() -> None:
    assert match_names(["2.jpg", "dog/2.jpg"], NAMES) == [None, 2]


def test_a_name_of_two_images_is_refused() -> None:
    with pytest.raises(ImprintError, match=r"'1\.jpg' may be cat/1\.jpg or dog/1\.jpg"):
        match_names(["1.jpg"], NAMES)
