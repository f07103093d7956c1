"""One image file as a view: any size, as the file is; what is no image is refused."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from imprint.core.errors import ImprintError
from imprint.data.open import open_images
from imprint.data.single import view_of_file
from imprint.data.view import View


def save(file, width=30, height=20, mode="RGB"):
    depth = (3,) if mode == "RGB" else ()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, *depth), dtype=np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_pixels_are_those_of_the_file_in_a_set(tmp_path, fraction):
    file = save(tmp_path / "set" / "cats" / "a.png")
    save(tmp_path / "set" / "cats" / "b.png", 9, 40)
    view = View(open_images(tmp_path / "set"), np.array([0]), fraction)
    single = view_of_file(file, 3, fraction)
    np.testing.assert_array_equal(single.read(16).pixels, view.read(16).pixels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_and_colour_are_converted_to_the_channels(tmp_path, channels, mode):
    view = view_of_file(save(tmp_path / "a.png", mode=mode), channels)
    assert view.read(8).pixels.shape == (1, channels, 8, 8)


def huge_png():
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header
    checked = chunk + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + checked + struct.pack(">I", 4) + b"IDAT" + b"\0" * 8


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no known kind of image"),
        (b"text", "no known kind of image"),
        (huge_png(), "12000 × 12000 pixels, more than"),
    ],
    ids=["empty", "text", "huge"],
)
def test_what_is_no_image_is_refused(tmp_path, content, reason):
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(ImprintError, match=reason) as error:
        view_of_file(file, 3)
    assert "--skip-corrupt" not in str(error.value)


def test_a_truncated_image_is_refused(tmp_path):
    file = save(tmp_path / "a.png")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ImprintError, match=r"cannot decode the image .*a\.png"):
        view_of_file(file, 3)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(ImprintError, match="no image at"):
        view_of_file(tmp_path / "a.png", 3)
    with pytest.raises(ImprintError, match="is a folder"):
        view_of_file(tmp_path, 3)
