import numpy as np
import pytest
from PIL import Image

from imprint.data.near_duplicates.alignment import detail_correlations, mirrored_pixels
from imprint.data.near_duplicates.low_frequencies import SIDE
from tests.data.near_duplicates.made_pictures import brightened, cropped, encoded, pictures

PICTURES = pictures(20)


def light(made):
    """Return pictures as light of 32 pixels."""
    grey = [Image.fromarray(each).convert("L").resize((SIDE, SIDE)) for each in made]
    return np.stack([np.asarray(each) for each in grey])


@pytest.mark.parametrize(
    "copy",
    [
        encoded,
        lambda picture: cropped(picture, 0.9, 0.0, 1.0),
        lambda picture: cropped(picture, 0.9, 0.5, 0.3),
        lambda picture: brightened(picture, 0.6),
        lambda picture: brightened(picture, 1.3),
    ],
)
def test_copies_agree_in_detail_whichever_of_the_two_is_the_copy(copy):
    first, second = light(PICTURES), light([copy(each) for each in PICTURES])
    assert (detail_correlations(first, second) > 0.75).mean() >= 0.95
    assert (detail_correlations(second, first) > 0.75).mean() >= 0.95


def test_different_pictures_do_not_agree():
    first, second = light(PICTURES), light(pictures(20, seed=1))
    assert (detail_correlations(first, second) < 0.5).all()


def test_an_image_agrees_with_itself_by_one_and_no_more():
    same = light(PICTURES)
    assert detail_correlations(same, same).max() <= 1.0


def test_flat_images_and_no_pairs_agree_with_nothing():
    flat = np.full((2, SIDE, SIDE), 7, dtype=np.uint8)
    assert (detail_correlations(flat, flat) <= 0).all()
    assert detail_correlations(flat[:0], flat[:0]).shape == (0,)


def test_mirroring_twice_changes_nothing():
    once = mirrored_pixels(light(PICTURES))
    assert np.array_equal(mirrored_pixels(once), light(PICTURES))
