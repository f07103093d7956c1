import numpy as np
import pytest

from imprint.core.bounds import OptionError
from imprint.data.imageset import ArrayImages
from imprint.data.near_duplicates.search import find_near_duplicates
from imprint.data.near_duplicates.search_options import DuplicateSearch
from tests.data.near_duplicates.made_pictures import brightened, cropped, encoded, pictures

NONE = np.empty(0, dtype=np.int64)
ORIGINALS = pictures(40)
COPIES = [
    encoded(ORIGINALS[0]),
    cropped(ORIGINALS[1], 0.9, 0.8, 0.1),
    ORIGINALS[2][:, ::-1],
    brightened(ORIGINALS[3], 1.3),
    encoded(cropped(ORIGINALS[4][:, ::-1], 0.95, 0.0, 0.0)),
    ORIGINALS[5],
]


def images_of(made):
    """Return pictures as a set of one class."""
    pixels = np.ascontiguousarray(np.stack(made).transpose(0, 3, 1, 2))
    return ArrayImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("any",))


def pairs_of(duplicates):
    """Return pairs with whether one is the mirror image of the other."""
    columns = duplicates.first.tolist(), duplicates.second.tolist(), duplicates.mirrored.tolist()
    return list(zip(*columns, strict=True))


def test_every_kind_of_copy_is_paired_with_its_original_and_nothing_else():
    images = images_of([*ORIGINALS, *COPIES])
    found = find_near_duplicates(images, np.arange(len(images)), NONE, DuplicateSearch(), "cpu")
    assert pairs_of(found) == [(row, 40 + row, row in (2, 4)) for row in range(len(COPIES))]
    assert found.by_embedding.all()
    assert found.by_hash[[0, 2, 5]].all()
    assert (found.correlation >= 0.75).all()


def test_only_pairs_with_an_image_that_is_asked_for_are_returned():
    images = images_of([*ORIGINALS, *COPIES])
    others = np.arange(2, len(images))
    found = find_near_duplicates(images, np.array([0, 1]), others, DuplicateSearch(), "cpu")
    assert pairs_of(found) == [(0, 40, False), (1, 41, False)]


def test_images_without_near_duplicates_and_flat_images_have_none():
    flat = [np.full_like(ORIGINALS[0], value) for value in (0, 7, 255)]
    images = images_of([*ORIGINALS[:5], *flat])
    found = find_near_duplicates(images, np.arange(len(images)), NONE, DuplicateSearch(), "cpu")
    assert len(found) == 0


@pytest.mark.parametrize("methods", [(), ("hash", "phash")])
def test_unknown_methods_are_refused(methods):
    with pytest.raises(OptionError, match="methods must be some of hash and embedding"):
        DuplicateSearch(methods=methods)
