"""Decoding of every kind of file, the resampler against its oracle, and damage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.encoded.decode import header_size, load, square, to_array
from imprint.data.geometry import resample


def smooth(width=48, height=36):
    """Return a picture that is one waves-like surface a channel, uint8 ``[H, W, 3]``."""
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / (4 + c) + y / (7 - c) + c) for c in range(3)]
    return np.stack(waves, axis=2).round().astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "webp"])
def test_lossless_files_come_back_exactly(tmp_path, suffix):
    file = tmp_path / f"image.{suffix}"
    Image.fromarray(smooth()).save(file, lossless=True)
    np.testing.assert_array_equal(to_array(load(file)), smooth().transpose(2, 0, 1))
    assert header_size(file) == (48, 36)


def test_every_mode_becomes_rgb(tmp_path):
    red = np.array([[[200, 10, 10]]], dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    opaque = np.dstack([red, np.full((8, 8), 255, dtype=np.uint8)])
    clear = np.dstack([red, np.zeros((8, 8), dtype=np.uint8)])
    gray = np.full((8, 8), 77, dtype=np.uint8)
    expected = {
        "rgba_opaque": (Image.fromarray(opaque), (200, 10, 10)),
        "rgba_clear": (Image.fromarray(clear), (200, 10, 10)),
        "palette": (Image.fromarray(red).quantize(4), (200, 10, 10)),
        "gray": (Image.fromarray(gray), (77, 77, 77)),
        "gray_alpha": (Image.fromarray(gray).convert("LA"), (77, 77, 77)),
        "gray16": (Image.fromarray(gray.astype(np.uint16) * 257), (77, 77, 77)),
        "bits": (Image.fromarray(gray > 0), (255, 255, 255)),
    }
    for name, (image, colour) in expected.items():
        image.save(tmp_path / f"{name}.png")
        pixels = to_array(load(tmp_path / f"{name}.png"))
        assert pixels.shape == (3, 8, 8), name
        assert (pixels == np.array(colour)[:, None, None]).all(), name


def test_cmyk_and_gray_jpegs_become_rgb(tmp_path):
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    ink.save(tmp_path / "cmyk.jpg", quality=95)
    pixels = to_array(load(tmp_path / "cmyk.jpg")).astype(int)
    assert np.abs(pixels - np.array([255, 0, 0])[:, None, None]).max() <= 4
    Image.new("L", (16, 16), 90).save(tmp_path / "gray.jpg")
    assert (to_array(load(tmp_path / "gray.jpg")) == 90).all()


def test_palette_with_transparency_keeps_its_colours(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    image.save(tmp_path / "clear.png", transparency=bytes([255, 0]))
    pixels = to_array(load(tmp_path / "clear.png"))
    assert (pixels == np.array([10, 200, 30])[:, None, None]).all()


def test_colour_becomes_gray_when_one_channel_is_asked_for(tmp_path):
    Image.new("RGB", (5, 4), (255, 0, 0)).save(tmp_path / "red.png")
    pixels = to_array(load(tmp_path / "red.png", channels=1))
    assert pixels.shape == (1, 4, 5)
    assert (pixels == round(0.299 * 255)).all()


def test_exif_orientation_is_left_alone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(smooth()).save(tmp_path / "turned.jpg", exif=exif)
    assert header_size(tmp_path / "turned.jpg") == (48, 36)
    assert load(tmp_path / "turned.jpg").size == (48, 36)


@pytest.mark.parametrize("size", [5, 36, 60])
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_squares_agree_with_the_resampler_of_arrays(size, data):
    pixels = smooth()
    x0, y0 = data.draw(st.integers(0, 640)), data.draw(st.integers(0, 448))
    x1, y1 = data.draw(st.integers(x0 + 8, 768)), data.draw(st.integers(y0 + 8, 576))
    if data.draw(st.booleans()):
        x0, x1 = x1, x0
    rectangle = np.array([x0, y0, x1, y1]) / 16
    found = square(Image.fromarray(pixels), rectangle, size, "waves")
    oracle = resample(
        torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None], rectangle[None], size
    )
    assert found.shape == (3, size, size)
    # Pillow rounds to whole levels between its two passes, and its weights to 1/2²².
    assert np.abs(found - oracle[0].numpy()).max() <= 1.2


@pytest.mark.parametrize("size", [3, 20, 50])
def test_nothing_outside_the_rectangle_shows(size):
    black = np.zeros((30, 30, 3), dtype=np.uint8)
    framed = np.full((30, 30, 3), 255, dtype=np.uint8)
    framed[4:21, 6:17] = 0
    rectangle = np.array([6.0, 4.0, 17.0, 21.0])
    for pixels in (black, framed):
        assert not square(Image.fromarray(pixels), rectangle, size, "frame").any()


def test_whole_image_at_its_own_size_is_exact_and_mirrors():
    pixels = smooth(20, 20)
    image = Image.fromarray(pixels)
    straight = square(image, np.array([0.0, 0, 20, 20]), 20, "waves")
    mirrored = square(image, np.array([20.0, 0, 0, 20]), 20, "waves")
    np.testing.assert_array_equal(straight, pixels.transpose(2, 0, 1))
    np.testing.assert_array_equal(mirrored, straight[:, :, ::-1])


def test_rounding_of_an_edge_lets_no_pixel_in():
    pixels = np.zeros((20, 20, 3), dtype=np.uint8)
    pixels[:, :10] = 255
    found = square(Image.fromarray(pixels), np.array([10 - 1e-9, 0, 20, 20]), 15, "halves")
    assert not found.any()


def test_rectangles_may_miss_the_border_by_rounding():
    image = Image.fromarray(smooth(20, 20))
    nudged = square(image, np.array([-1e-9, -1e-9, 20 + 1e-9, 20 + 1e-9]), 7, "waves")
    np.testing.assert_array_equal(nudged, square(image, np.array([0.0, 0, 20, 20]), 7, "waves"))


@pytest.mark.parametrize(
    "rectangle",
    [(0, 0, 21, 20), (-1, 0, 20, 20), (0, 5, 20, 5), (3, 0, 3, 20), (0, 20, 20, 0)],
)
def test_rectangles_outside_or_empty_are_errors(rectangle):
    with pytest.raises(ImprintError, match=r"waves: rectangle .* the 20 × 20 image"):
        square(Image.fromarray(smooth(20, 20)), np.array(rectangle, dtype=float), 7, "waves")


def test_rectangles_that_are_not_numbers_are_errors():
    with pytest.raises(ImprintError, match="empty or outside"):
        square(Image.fromarray(smooth(20, 20)), np.full(4, np.nan), 7, "waves")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, share):
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole)
    content = whole.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ImprintError, match=rf"cannot decode the image .*cut\.{suffix}"):
        load(cut)


def test_files_that_are_no_images_are_named(tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(ImprintError, match=r"cannot decode the image .*text\.jpg"):
        load(tmp_path / "text.jpg")
    with pytest.raises(ImprintError, match=r"cannot read the image .*text\.jpg"):
        header_size(tmp_path / "text.jpg")
    for read in (load, header_size):
        with pytest.raises(ImprintError, match=r"no image at .*gone\.jpg"):
            read(tmp_path / "gone.jpg")


def test_pixels_without_a_range_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(ImprintError, match=r"float\.tiff .*mode F have no known range"):
        load(tmp_path / "float.tiff")


@given(st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_an_image_or_an_error(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "fuzz.jpg"
    prefix = (
        content[:1]
        and [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"P6"][content[0] % 6]
    )
    file.write_bytes(prefix + content)
    try:
        assert load(file).mode == "RGB"
    except ImprintError as error:
        assert "fuzz.jpg" in str(error)  # noqa: PT017 - either outcome is right, no other is


@pytest.mark.parametrize("read", [load, header_size])
def test_a_file_of_an_unknown_kind_is_named_without_an_address(tmp_path, read):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG")
    with pytest.raises(ImprintError, match=r"cut\.png \(no known kind of image\): repair"):
        read(tmp_path / "cut.png")
