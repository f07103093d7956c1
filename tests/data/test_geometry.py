import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.geometry import ROUNDING, centre_squares, resample, to_uint8, whole_rectangles


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (3, height, width), dtype=np.uint8)


@example(40, 1, 1, (0.0, 1.0, 1.0, 0.5749966338158635))
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 48),
    st.tuples(*[st.floats(0, 1)] * 4),
)
@settings(max_examples=60, deadline=None)
def test_resample_equals_pillow_after_a_crop_to_one_grey_level(height, width, size, corners):
    x0, x1 = sorted((corners[0] * width, corners[1] * width))
    y0, y1 = sorted((corners[2] * height, corners[3] * height))
    if x1 - x0 < 0.5 or y1 - y0 < 0.5:
        x0, y0, x1, y1 = 0, 0, width, height
    image = noise(height, width)
    ours = to_uint8(resample(torch.from_numpy(image)[None], [(x0, y0, x1, y1)], size))[0].numpy()
    picture = Image.fromarray(image.transpose(1, 2, 0))
    # A pixel of which the rectangle holds next to nothing is not part of it.
    left, top = math.floor(x0 + ROUNDING), math.floor(y0 + ROUNDING)
    right, bottom = math.ceil(x1 - ROUNDING), math.ceil(y1 - ROUNDING)
    cropped = picture.crop((left, top, right, bottom))
    box = (
        max(0.0, x0 - left),
        max(0.0, y0 - top),
        min(x1, right) - left,
        min(y1, bottom) - top,
    )
    theirs = cropped.resize((size, size), Image.Resampling.BILINEAR, box=box)
    difference = ours.astype(int) - np.asarray(theirs).transpose(2, 0, 1)
    assert np.abs(difference).max() <= 1


def test_a_whole_image_at_its_own_size_is_itself():
    image = torch.from_numpy(noise(16, 16))[None]
    assert torch.equal(to_uint8(resample(image, [(0, 0, 16, 16)], 16)), image)


def test_a_reversed_rectangle_mirrors():
    image = torch.from_numpy(noise(16, 16))[None]
    mirrored = resample(image, [(16, 0, 0, 16)], 16)
    assert torch.equal(to_uint8(mirrored), image.flip(3))


def test_rows_do_not_touch_one_another():
    images = torch.from_numpy(np.stack([noise(12, 20, seed) for seed in range(4)]))
    rectangles = [(0, 0, 20, 12), (1, 2, 9, 8), (3.5, 0.5, 19, 11), (20, 0, 0, 12)]
    together = resample(images, rectangles, 8)
    for row in range(4):
        alone = resample(images[row : row + 1], rectangles[row : row + 1], 8)[0]
        assert torch.allclose(together[row], alone, atol=1e-4)


@pytest.mark.parametrize(
    ("rectangle", "fraction", "expected"),
    [
        ((0, 0, 500, 375), 1.0, (62.5, 0, 437.5, 375)),
        ((0, 0, 100, 200), 0.5, (25, 75, 75, 125)),
        ((350, 0, 500, 375), 0.875, (359.375, 121.875, 490.625, 253.125)),
    ],
)
def test_centre_squares(rectangle, fraction, expected):
    assert np.allclose(centre_squares([rectangle], fraction), [expected])


@pytest.mark.parametrize("fraction", [0, -0.5, 1.01, float("nan")])
def test_a_square_never_leaves_its_rectangle(fraction):
    with pytest.raises(ImprintError, match=r"must lie in \(0, 1\]"):
        centre_squares([(0, 0, 10, 10)], fraction)


def test_whole_rectangles():
    assert whole_rectangles([[5, 3], [2, 9]]).tolist() == [[0, 0, 5, 3], [0, 0, 2, 9]]


@given(st.integers(0, 14), st.integers(16, 30), st.integers(2, 64))
@settings(max_examples=30, deadline=None)
def test_nothing_beyond_the_rectangle_is_seen(x0, x1, size):
    image = np.full((1, 3, 20, 30), 255, dtype=np.uint8)
    image[:, :, :, x0:x1] = 0
    assert resample(torch.from_numpy(image), [(x0, 0, x1, 20)], size).abs().max() == 0
