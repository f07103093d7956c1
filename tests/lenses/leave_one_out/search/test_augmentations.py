import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.search.augmentations import AUGMENTATIONS, check_augmentations

IMAGE = np.random.default_rng(0).uniform(size=(3, 8, 8))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_changes_an_image_within_its_range_and_repeats(name):
    first, again = (AUGMENTATIONS[name](IMAGE, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == IMAGE.shape
    assert 0 <= first.min() <= first.max() <= 1
    assert not np.array_equal(first, IMAGE)


def test_a_shift_moves_pixels_and_repeats_the_edge():
    image = np.zeros((1, 8, 8))
    image[0, 4, 4] = 1
    for seed in range(20):
        moved = AUGMENTATIONS["shift"](image, np.random.default_rng(seed))
        down, right = np.argwhere(moved[0])[0] - 4
        assert moved.sum() == 1
        assert (down, right) != (0, 0)
        assert max(abs(down), abs(right)) <= 1


def test_a_quarter_turn_either_way():
    turned = {
        AUGMENTATIONS["rotate"](IMAGE, np.random.default_rng(seed)).tobytes() for seed in range(9)
    }
    assert turned == {np.rot90(IMAGE, turn, axes=(1, 2)).tobytes() for turn in (1, -1)}
    with pytest.raises(ImprintError, match="cannot be turned by 90°"):
        AUGMENTATIONS["rotate"](IMAGE[:, :4], np.random.default_rng(0))


@pytest.mark.parametrize(("names", "message"), [((), "names none"), (("turn",), "has no 'turn'")])
def test_names_that_there_are_not_are_refused(names, message):
    with pytest.raises(ImprintError, match=message):
        check_augmentations(names)
