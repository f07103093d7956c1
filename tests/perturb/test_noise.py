from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.perturb.noise import (
    add_noise,
    check_inputs,
    leading_pixels,
    noise_values,
    other_pixels,
)

RANDOM = np.random.default_rng(0)


def test_leading_pixels_are_the_highest_and_ties_go_to_the_first() -> None:
    scores = np.array([[[1.0, 3.0], [3.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert leading_pixels(scores, 2).tolist() == [
        [[False, True], [True, False]],
        [[True, True], [False, False]],
    ]


def test_other_pixels_are_as_many_and_none_of_the_mask() -> None:
    mask = leading_pixels(RANDOM.random((50, 6, 5)), 15)
    others = other_pixels(mask, RANDOM)
    assert (others.sum((1, 2)) == 15).all()
    assert not (others & mask).any()


def test_every_other_pixel_is_equally_likely() -> None:
    mask = np.zeros((4000, 2, 4), dtype=bool)
    mask[:, 0, 0] = True
    hits = other_pixels(mask, np.random.default_rng(1)).reshape(4000, 8).sum(0)
    assert hits[0] == 0
    expected = 4000 / 7
    # Chi-squared of 6 degrees of freedom exceeds 22.5 in one of 1,000 cases.
    assert ((hits[1:] - expected) ** 2 / expected).sum() < 22.5


def test_noise_stays_on_the_mask_and_in_range() -> None:
    inputs = RANDOM.random((20, 3, 5, 5), dtype=np.float32)
    mask = leading_pixels(RANDOM.random((20, 5, 5)), 4)
    values = noise_values((20, 3, 4), 0.7, RANDOM)
    noisy = add_noise(inputs, mask, values)
    changed = (noisy != inputs).any(1)
    assert not (changed & ~mask).any()
    assert noisy.min() >= 0
    assert noisy.max() <= 1
    rows, ys, xs = np.nonzero(mask)
    first = np.clip(inputs[rows[0], :, ys[0], xs[0]] + values[0, :, 0], 0, 1)
    assert noisy[rows[0], :, ys[0], xs[0]] == pytest.approx(first)
    assert np.array_equal(noisy.transpose(0, 2, 3, 1)[~mask], inputs.transpose(0, 2, 3, 1)[~mask])


@pytest.mark.parametrize(
    "inputs",
    [
        np.zeros((1, 1, 2, 2), dtype=np.uint8),
        np.zeros((1, 1, 2, 2)),
        np.full((1, 1, 2, 2), 1.5, dtype=np.float32),
        np.full((1, 1, 2, 2), np.nan, dtype=np.float32),
        np.zeros((1, 2, 2), dtype=np.float32),
    ],
)
def test_other_inputs_are_refused(inputs: np.ndarray) -> None:
    with pytest.raises(ImprintError, match="must be"):
        check_inputs(inputs)


def test_masks_that_leave_too_few_others_are_refused() -> None:
    with pytest.raises(ImprintError, match="take fewer"):
        other_pixels(np.ones((1, 2, 2), dtype=bool), RANDOM)
