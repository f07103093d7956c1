from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, Changes, apply

PICTURE = torch.arange(2 * 36, dtype=torch.float32).reshape(1, 2, 6, 6)


def changed(name: str, *amounts: float) -> torch.Tensor:
    both = np.array([[*amounts, 0.0][:2]])
    changes = Changes(np.zeros(1, np.int64), both, np.zeros(1, np.int64))
    mutation = MUTATIONS.get(name)()
    return apply([mutation], PICTURE, changes, torch.zeros(1, 2, 6, 6, dtype=torch.uint8))


@pytest.mark.parametrize("name", ["shift", "rotate", "scale", "shear", "flip"])
def test_no_amount_moves_nothing(name: str) -> None:
    torch.testing.assert_close(changed(name, 0.0), PICTURE)


def test_a_shift_of_whole_pixels_repeats_the_edge() -> None:
    shifted = changed("shift", 2 / 6, -1 / 6)
    torch.testing.assert_close(shifted[..., :5, 2:], PICTURE[..., 1:, :4])
    torch.testing.assert_close(shifted[..., :5, 0], PICTURE[..., 1:, 0])
    torch.testing.assert_close(shifted[..., 5, 2:], PICTURE[..., 5, :4])


def test_quarter_turns_are_those_of_the_array() -> None:
    for turns in (1, 2, 3):
        turned = changed("rotate", 90.0 * turns)
        torch.testing.assert_close(turned, PICTURE.rot90(turns, (2, 3)))


def test_a_flip_exchanges_left_and_right() -> None:
    torch.testing.assert_close(changed("flip", 1.0), PICTURE.flip(3))


def test_scale_two_shows_the_middle() -> None:
    large = changed("scale", 1.0)
    middle = torch.nn.functional.interpolate(
        PICTURE[..., 1:5, 1:5], scale_factor=2, mode="bilinear"
    )
    torch.testing.assert_close(large[..., 1:5, 1:5], middle[..., 2:6, 2:6].round())


def test_shear_moves_rows_by_their_distance_from_the_middle() -> None:
    # Rows lie at y = −5/6, −1/2 … 5/6 of half the height; a slope of 2 moves the second by 3.
    sheared = changed("shear", 2.0)
    torch.testing.assert_close(sheared[..., 1, 3:], PICTURE[..., 1, :3])
    torch.testing.assert_close(sheared[..., 4, :3], PICTURE[..., 4, 3:])
