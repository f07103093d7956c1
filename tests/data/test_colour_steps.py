"""Each step on colours against its definition, and memory that is used again."""

import colorsys
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from imprint.data.augmentation import SECOND_VIEW
from imprint.data.colour_steps import (
    Buffers,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    blur,
    grey,
    solarise,
    turn_grey,
    turn_hue,
)


def units(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def column(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None, None, None]


def changed(step, images, *arguments):
    """Return what a step makes of images, which stay as they are."""
    copy = images.clone()
    step(copy, *arguments)
    return copy


@given(st.tuples(*[st.integers(0, 255)] * 3), st.floats(-0.5, 0.5))
@settings(max_examples=200, deadline=None)
def test_turned_hue_equals_colorsys(colour, turns):
    image = torch.tensor(colour, dtype=torch.float32).reshape(1, 3, 1, 1) / 255
    ours = changed(turn_hue, image, column(turns), Buffers()).flatten().tolist()
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    assert ours == pytest.approx(
        colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value), abs=2e-6
    )


def test_a_third_of_a_turn_makes_red_green_and_leaves_grey():
    colours = torch.tensor([[1.0, 0, 0], [0.25, 0.25, 0.25], [0, 0, 0]])[:, :, None, None]
    turned = changed(turn_hue, colours, column(1 / 3, 1 / 3, 1 / 3), Buffers()).squeeze()
    expected = torch.tensor([[0, 1.0, 0], [0.25, 0.25, 0.25], [0, 0, 0]])
    assert torch.allclose(turned, expected, atol=1e-6)


def test_factors_of_one_and_zero():
    images, buffers = units(2, 3, 4, 4), Buffers()
    luma = grey(images)
    assert torch.equal(changed(adjust_brightness, images, column(1, 1)), images)
    assert torch.equal(changed(adjust_contrast, images, column(1, 1)), images)
    assert torch.equal(changed(adjust_saturation, images, column(1, 1), buffers), images)
    flat = changed(adjust_contrast, images, column(0, 0))
    assert torch.allclose(flat, luma.mean((2, 3), keepdim=True).expand_as(images))
    colourless = changed(adjust_saturation, images, column(0, 0), buffers)
    assert torch.allclose(colourless, luma.expand_as(images))
    assert torch.equal(changed(turn_grey, images, buffers), luma.expand_as(images))


def test_contrast_of_many_channels_is_about_their_mean():
    images = units(1, 4, 5, 5)
    scaled = changed(adjust_contrast, images, column(0.5))
    assert torch.allclose(scaled, images * 0.5 + images.mean() * 0.5)


def test_solarise_equals_pillow():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    ours = changed(solarise, pixels.float() / 255, SECOND_VIEW.solarise_from, Buffers())
    theirs = ImageOps.solarize(Image.fromarray(pixels[0, 0].numpy()), threshold=128)
    assert np.array_equal((ours * 255).round().to(torch.uint8)[0, 0].numpy(), np.asarray(theirs))


def kernel_of(taps, sigma):
    weights = [math.exp(-((t - taps // 2) ** 2) / (2 * sigma**2)) for t in range(taps)]
    return [weight / sum(weights) for weight in weights]


def test_blur_of_a_point_is_the_kernel_and_of_a_flat_image_is_flat():
    point = torch.zeros(1, 1, 11, 11)
    point[0, 0, 5, 5] = 1
    blurred = changed(blur, point, torch.tensor([1.5]), (5, 9), Buffers())[0, 0].double().numpy()
    expected = np.zeros((11, 11))
    expected[1:10, 3:8] = np.outer(kernel_of(9, 1.5), kernel_of(5, 1.5))
    assert np.abs(blurred - expected).max() < 1e-7
    flat = torch.full((1, 3, 8, 8), 0.5)
    assert torch.allclose(changed(blur, flat, torch.tensor([2.0]), (9, 9), Buffers()), flat)


@pytest.mark.parametrize("taps", [(5, 9), (1, 3), (7, 1)])
def test_blur_equals_a_convolution_of_the_reflected_image(taps):
    images, sigma = units(3, 2, 9, 13), torch.tensor([0.3, 1.0, 2.5])
    blurred = changed(blur, images, sigma, taps, Buffers())
    radii = (taps[0] // 2,) * 2 + (taps[1] // 2,) * 2
    padded = torch.nn.functional.pad(images.double(), radii, mode="reflect")
    for row in range(3):
        kernel = np.outer(
            kernel_of(taps[1], float(sigma[row])), kernel_of(taps[0], float(sigma[row]))
        )
        expected = torch.nn.functional.conv2d(
            padded[row][:, None], torch.from_numpy(kernel)[None, None]
        )[:, 0]
        assert (blurred[row] - expected).abs().max() < 1e-6


def test_what_buffers_held_before_does_not_show():
    """Larger and smaller images take turns in the same memory."""
    buffers = Buffers()
    for shape in ((4, 3, 16, 16), (2, 3, 9, 12), (4, 3, 16, 16), (1, 3, 20, 20)):
        images, turns, sigma = units(*shape), column(*[0.2] * shape[0]), torch.ones(shape[0])
        for step, arguments in (
            (turn_hue, (turns,)),
            (adjust_saturation, (turns,)),
            (blur, (sigma, (5, 3))),
            (solarise, (0.5,)),
            (turn_grey, ()),
        ):
            reused = changed(step, images, *arguments, buffers)
            assert torch.equal(reused, changed(step, images, *arguments, Buffers()))


def test_a_step_over_images_whose_dimensions_lie_in_another_order():
    buffers, images = Buffers(), units(2, 3, 8, 10)
    turned = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    for step, arguments in ((turn_hue, (column(0.1, 0.2),)), (blur, (torch.ones(2), (3, 5)))):
        assert torch.equal(
            changed(step, turned, *arguments, buffers), changed(step, images, *arguments, buffers)
        )
