"""Augmentation against a reference that treats one image at a time, in float64."""

import colorsys
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.data import augment as module
from imprint.data.augment import augment, crop_rectangles, draw, recolour
from imprint.data.augmentation import FIRST_VIEW, PAD_AND_FLIP, SECOND_VIEW, UNCHANGED, Augmentation
from imprint.data.geometry import resample
from imprint.data.imageset import ArrayImages

KEY = 20230419

EVERYTHING = Augmentation(
    crop="padded",
    padding=2,
    jitter=0.7,
    brightness=0.8,
    contrast=0.8,
    saturation=0.9,
    hue=0.5,
    grayscale=0.3,
    blur=0.6,
    blur_sigma=(0.3, 2.5),
    blur_kernel=(5, 9),
    solarise=0.4,
)


def noise(count, channels=3, height=12, width=12, seed=0):
    shape = (count, channels, height, width)
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def units(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def column(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None, None, None]


def clip(value):
    return min(max(value, 0.0), 1.0)


def reference_grey(image):
    if len(image) == 1:
        return image[0]
    return 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]


def reference_blend(image, centre, factor):
    return np.clip(factor * image + (1 - factor) * centre, 0, 1)


def reference_hue(image, turns):
    turned = np.empty_like(image)
    for y, x in np.ndindex(image.shape[1:]):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[:, y, x])
        turned[:, y, x] = colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value)
    return turned


def reference_kernel(taps, sigma):
    weights = [math.exp(-((t - taps // 2) ** 2) / (2 * sigma**2)) for t in range(taps)]
    return [weight / sum(weights) for weight in weights]


def reflect(position, length):
    return abs(position) if position < length else 2 * (length - 1) - position


def reference_blur(image, sigma, across, down):
    _, height, width = image.shape
    result = np.zeros_like(image)
    for y, x in np.ndindex(height, width):
        for j, weight_down in enumerate(reference_kernel(down, sigma)):
            for i, weight_across in enumerate(reference_kernel(across, sigma)):
                source_y = reflect(y + j - down // 2, height)
                source_x = reflect(x + i - across // 2, width)
                result[:, y, x] += weight_down * weight_across * image[:, source_y, source_x]
    return result


def reference_shift(image, right, down):
    _, height, width = image.shape
    result = np.zeros_like(image)
    for y, x in np.ndindex(height, width):
        if 0 <= y - down < height and 0 <= x - right < width:
            result[:, y, x] = image[:, y - down, x - right]
    return result


def reference_view(image, setting, drawn, row):
    image = reference_shift(image, *drawn.shift[row])
    coloured = len(image) == 3
    if drawn.jittered[row]:
        image = np.clip(image * drawn.brightness[row], 0, 1)
        image = reference_blend(image, reference_grey(image).mean(), drawn.contrast[row])
        if coloured:
            image = reference_blend(image, reference_grey(image), drawn.saturation[row])
            image = reference_hue(image, drawn.hue[row])
    if coloured and drawn.grey[row]:
        image = np.stack([reference_grey(image)] * 3)
    if drawn.blurred[row]:
        image = reference_blur(image, drawn.sigma[row], *setting.blur_kernel)
    if drawn.solarised[row]:
        image = np.where(image >= setting.solarise_from, 1 - image, image)
    return image


@pytest.mark.parametrize("channels", [1, 3])
def test_recolour_equals_one_image_at_a_time(channels):
    squares = units(24, channels, 12, 12)
    before = squares.clone()
    ids = np.arange(24) * 7
    drawn = draw(EVERYTHING, KEY, ids)
    for happens in (drawn.jittered, drawn.grey, drawn.blurred, drawn.solarised):
        assert 0 < happens.sum() < 24
    ours = recolour(squares, EVERYTHING, KEY, ids)
    for row in range(24):
        expected = reference_view(squares[row].double().numpy(), EVERYTHING, drawn, row)
        # A value that rounds across the threshold of solarising is inverted: there 1 - x counts.
        far = np.abs(ours[row].numpy() - expected)
        if drawn.solarised[row]:
            far = np.minimum(far, np.abs(1 - ours[row].numpy() - expected))
            assert (np.abs(ours[row].numpy() - expected) > 1e-5).mean() < 0.01
        assert far.max() < 1e-5
    assert torch.equal(squares, before)


def test_a_blur_wider_than_the_image_is_an_error():
    wide = replace(UNCHANGED, blur=1.0, blur_kernel=(9, 9))
    with pytest.raises(ImprintError, match="9 × 9 reaches beyond images of 4 × 4"):
        augment(noise(1), wide, KEY, [0], 4)


def reference_crop(setting, uniform, width, height):
    for attempt in range(10):
        low, high = setting.scale
        area = width * height * (low + uniform[attempt] * (high - low))
        low, high = math.log(setting.ratio[0]), math.log(setting.ratio[1])
        ratio = math.exp(low + uniform[10 + attempt] * (high - low))
        crop_width, crop_height = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if crop_width <= width and crop_height <= height:
            x, y = uniform[20] * (width - crop_width), uniform[21] * (height - crop_height)
            return x, y, x + crop_width, y + crop_height
    crop_width, crop_height = width, height
    if width / height < setting.ratio[0]:
        crop_height = width / setting.ratio[0]
    elif width / height > setting.ratio[1]:
        crop_width = height * setting.ratio[1]
    x, y = (width - crop_width) / 2, (height - crop_height) / 2
    return x, y, x + crop_width, y + crop_height


@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.7, 1.0), (1.0, 1.0)])
def test_crops_equal_ten_tries_one_image_at_a_time(scale):
    setting = Augmentation(scale=scale, flip=0.0)
    ids = np.arange(60)
    sizes = np.array([(32, 32), (500, 375), (64, 512), (300, 90)] * 15)
    ours = crop_rectangles(setting, KEY, ids, sizes)
    uniform = module.uniforms(module.derive(KEY, "crop"), ids, 22)
    expected = [
        reference_crop(setting, u, *size) for u, size in zip(uniform, sizes.tolist(), strict=True)
    ]
    assert np.abs(ours - expected).max() < 1e-9


@given(
    st.integers(1, 600),
    st.integers(1, 600),
    st.floats(0.01, 1),
    st.floats(1, 3),
    st.integers(0, 2**62),
)
@settings(max_examples=100, deadline=None)
def test_crops_stay_inside_and_within_their_ratio(width, height, least, widest, key):
    setting = Augmentation(scale=(least, 1.0), ratio=(1 / widest, widest))
    sizes = np.tile([width, height], (32, 1))
    x0, y0, x1, y1 = crop_rectangles(setting, key, np.arange(32), sizes).T
    left, right = np.minimum(x0, x1), np.maximum(x0, x1)
    assert (left >= 0).all()
    assert (right <= width).all()
    assert (y0 >= 0).all()
    assert (y1 <= height).all()
    ratio = (right - left) / (y1 - y0)
    assert (ratio > 1 / widest - 1e-6).all()
    assert (ratio < widest * (1 + 1e-6)).all()


def test_draws_have_the_distribution_they_claim():
    ids = np.arange(20_000)
    setting = Augmentation(scale=(0.1, 0.5), jitter=0.8, grayscale=0.2, solarise=0.1, blur=0.5)
    x0, y0, x1, y1 = crop_rectangles(setting, KEY, ids, np.tile([100, 100], (20_000, 1))).T
    area = np.abs(x1 - x0) * (y1 - y0) / 100**2
    # No try fails in a square below an area of 0.75, so the area is uniform.
    assert np.quantile(area, [0, 0.25, 0.5, 0.75, 1]) == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5], abs=0.01
    )
    assert np.median(np.log(np.abs(x1 - x0) / (y1 - y0))) == pytest.approx(0, abs=0.01)
    drawn = draw(setting, KEY, ids)
    shares = [part.mean() for part in (x0 > x1, drawn.jittered, drawn.grey, drawn.solarised)]
    assert shares == pytest.approx([0.5, 0.8, 0.2, 0.1], abs=0.015)
    assert np.corrcoef(drawn.jittered, x0 > x1)[0, 1] == pytest.approx(0, abs=0.03)
    assert np.quantile(drawn.brightness, [0, 0.5, 1]) == pytest.approx([0.6, 1, 1.4], abs=0.01)
    assert np.quantile(drawn.hue, [0, 0.5, 1]) == pytest.approx([-0.1, 0, 0.1], abs=0.005)
    assert np.quantile(drawn.sigma, [0, 0.5, 1]) == pytest.approx([0.1, 1.05, 2], abs=0.03)


def test_shifts_of_a_padded_crop_are_uniform_whole_pixels():
    shift = draw(PAD_AND_FLIP, KEY, np.arange(9_000)).shift
    for axis in (0, 1):
        values, counts = np.unique(shift[:, axis], return_counts=True)
        assert values.tolist() == list(range(-4, 5))
        assert np.abs(counts - 1000).max() < 150
    assert not draw(FIRST_VIEW, KEY, np.arange(10)).shift.any()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("setting", [FIRST_VIEW, SECOND_VIEW, EVERYTHING, PAD_AND_FLIP])
def test_a_view_does_not_depend_on_its_batch(setting, channels):
    pixels, ids = noise(40, channels), np.arange(100, 140)
    together = augment(pixels, setting, KEY, ids, 12)
    order = np.random.default_rng(1).permutation(40)
    shuffled = augment(pixels[order], setting, KEY, ids[order], 12)
    assert torch.allclose(together[order], shuffled, atol=1e-6)
    for row in (0, 17, 39):
        alone = augment(pixels[row : row + 1], setting, KEY, ids[row : row + 1], 12)
        assert torch.allclose(together[row], alone[0], atol=1e-6)


@pytest.mark.parametrize("setting", [FIRST_VIEW, SECOND_VIEW, EVERYTHING])
def test_tiles_do_not_show(setting, monkeypatch):
    pixels, ids = noise(30), np.arange(30)
    whole = augment(pixels, setting, KEY, ids, 12)
    monkeypatch.setattr(module, "TILE_VALUES", 7 * 3 * 12 * 12)
    assert torch.allclose(augment(pixels, setting, KEY, ids, 12), whole, atol=1e-6)


@pytest.mark.parametrize("setting", [FIRST_VIEW, SECOND_VIEW, EVERYTHING, UNCHANGED])
def test_images_in_memory_and_images_read_give_the_same_view(setting):
    pixels, ids = noise(20, height=15, width=20), np.arange(20)
    images = ArrayImages(pixels.numpy(), np.zeros(20, np.int64), ("only",))
    rectangles = crop_rectangles(setting, KEY, ids, images.sizes())
    squares = torch.from_numpy(images.read(ids, rectangles, 12)).float().div_(255)
    read = recolour(squares, setting, KEY, ids)
    assert torch.allclose(augment(pixels, setting, KEY, ids, 12), read, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("setting", [FIRST_VIEW, PAD_AND_FLIP, EVERYTHING])
def test_views_are_float32_in_range_and_channels_last(setting, channels):
    pixels = noise(16, channels, seed=3) // 128 * 255
    before = pixels.clone()
    view = augment(pixels, setting, KEY, np.arange(16), 12)
    assert view.dtype == torch.float32
    assert view.shape == (16, channels, 12, 12)
    assert view.is_contiguous(memory_format=torch.channels_last)
    assert view.min() >= 0
    assert view.max() <= 1
    assert torch.equal(pixels, before)


def test_views_differ_between_keys():
    pixels = noise(8)
    views = [augment(pixels, SECOND_VIEW, key, np.arange(8), 12) for key in (1, 2)]
    assert ((views[0] - views[1]).abs().amax((1, 2, 3)) > 0.01).all()


def test_the_unchanged_view_is_the_image():
    pixels = noise(5)
    assert torch.equal(augment(pixels, UNCHANGED, KEY, np.arange(5), 12), pixels / 255)


def test_pad_and_flip_moves_mirrors_and_blackens():
    pixels, ids = noise(30).clamp(min=1), np.arange(30)
    view = (augment(pixels, PAD_AND_FLIP, KEY, ids, 12) * 255).round().numpy()
    mirrored = crop_rectangles(PAD_AND_FLIP, KEY, ids, np.tile([12, 12], (30, 1)))
    shift = draw(PAD_AND_FLIP, KEY, ids).shift
    for row in range(30):
        image = pixels[row].numpy().astype(float)
        if mirrored[row, 0] > mirrored[row, 2]:
            image = image[:, :, ::-1]
        assert np.array_equal(view[row], reference_shift(image, *shift[row]))


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_image():
    pixels, ids = noise(12, height=20, width=16), np.arange(12)
    setting = Augmentation(flip=1.0)
    x0, y0, x1, y1 = crop_rectangles(setting, KEY, ids, np.tile([16, 20], (12, 1))).T
    assert (x0 > x1).all()
    of_mirrored = resample(pixels.flip(3), np.stack([16 - x0, y0, 16 - x1, y1], 1), 8)
    view = augment(pixels, setting, KEY, ids, 8)
    assert (view * 255 - of_mirrored).abs().max() < 0.501
