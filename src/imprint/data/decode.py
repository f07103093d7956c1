"""One image file to pixels: whole, or one rectangle of it as a square.

Pixels are those of the file as stored: an EXIF orientation is not applied, because object boxes
refer to stored pixels. JPEGs are decoded at full resolution: decoding at half (``Image.draft``)
was 1.7 times as fast from 500 × 375 to 64 × 64, but moved pixels by up to 36 of 255 levels.
"""

from __future__ import annotations

import io
import logging
import math
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.reading.regular import open_regular, read_bytes

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff",
     ".ppm", ".pgm", ".pnm", ".pbm")
)  # fmt: skip
UNREAD = frozenset(
    (".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".svg", ".psd", ".tga", ".ico", ".dng",
     ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".exr", ".hdr", ".dcm")
)  # fmt: skip
"""Suffixes of images that are not read: counted and logged."""

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
"""Formats behind these suffixes, by Pillow's names; Pillow hands others to other programs."""
MAX_PIXELS = 120_000_000
"""Cameras of medium format have 102 million; as RGB that is 0.4 GB."""
MAX_ENCODED_BYTES = 1 << 30
"""The largest image that is read, uncompressed in 16 bits and four channels, has 0.96 GB."""

# _check_extent says it, in one sentence and with its own bound.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# What Pillow logs of a damaged file stands in the exception as well.
logging.getLogger("PIL").setLevel(logging.CRITICAL)

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    OverflowError,
    MemoryError,
    AssertionError,
    AttributeError,
    RuntimeError,
)
_MODES = {1: "L", 3: "RGB"}
OF_A_SET = "repair or remove it, or leave corrupt images out (--skip-corrupt)"
"""What to do about an image that cannot be read."""
_ROUNDING_PX = 1e-3


def load(file: Path, channels: int = 3, remedy: str = OF_A_SET) -> Image.Image:
    """Return the image in a file, decoded completely; see :func:`decode_image`.

    Raises:
        ImprintError: the file is missing, truncated, damaged or of an unknown kind.
    """
    return decode_image(read_encoded(file, remedy), str(file), channels, remedy)


def read_encoded(file: Path, remedy: str = OF_A_SET) -> bytes:
    """Return the bytes of an image file.

    Raises:
        ImprintError: the file is missing, cannot be read or is larger than
            :data:`MAX_ENCODED_BYTES`.
    """
    try:
        return read_bytes(file, MAX_ENCODED_BYTES)
    except FileNotFoundError:
        raise ImprintError(f"no image at {file}: it was moved or deleted") from None
    except (OSError, ValueError) as error:
        raise ImprintError(f"cannot decode the image {file} ({error}): {remedy}") from error


def decode_image(
    content: bytes, name: str, channels: int = 3, remedy: str = OF_A_SET
) -> Image.Image:
    """Return an image, decoded completely, as RGB (``channels`` 3) or gray (1).

    Alpha is dropped, not blended; 16-bit gray is scaled to 8 bits; of an animation the first
    picture is taken.

    Args:
        content: the encoded bytes.
        name: where the image lies, for messages.
        channels: 3 or 1.
        remedy: what a message about a damaged image ends with.

    Raises:
        ImprintError: the image is truncated, damaged or of an unknown kind.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_extent(image)
            image.load()
            return _to_mode(image, _MODES[channels])
    except _DAMAGE as error:
        raise ImprintError(
            f"cannot decode the image {name} ({_reason(error)}): {remedy}"
        ) from error


def encoded_size(content: bytes, name: str) -> tuple[int, int]:
    """Return width and height from the header of an encoded image.

    Args:
        content: its bytes.
        name: where the image lies, for messages.

    Raises:
        ImprintError: the header cannot be read.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_extent(image)
            return image.size
    except _DAMAGE as error:
        raise ImprintError(
            f"cannot read the image {name} ({_reason(error)}): {OF_A_SET}"
        ) from error


def header_size(file: Path) -> tuple[int, int]:
    """Return width and height from the header of an image file.

    Raises:
        ImprintError: the file is missing or its header cannot be read.
    """
    try:
        with open_regular(file) as stream, Image.open(stream, formats=FORMATS) as image:
            _check_extent(image)
            return image.size
    except FileNotFoundError:
        raise ImprintError(f"no image at {file}: it was moved or deleted") from None
    except _DAMAGE as error:
        raise ImprintError(
            f"cannot read the image {file} ({_reason(error)}): {OF_A_SET}"
        ) from error


def _reason(error: Exception) -> str:
    """Return what is wrong with a file, without the address of an open stream."""
    return "no known kind of image" if isinstance(error, UnidentifiedImageError) else str(error)


def _check_extent(image: Image.Image) -> None:
    """Check that an image is not larger than any camera's, whose pixels would fill the memory."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} × {height} pixels, more than {MAX_PIXELS:,}")


def square(image: Image.Image, rectangle: NDArray[np.float64], size: int, name: str) -> Pixels:
    """Return one rectangle of an image as a square, bilinear with antialiasing.

    No pixel outside the rectangle has any influence.

    Args:
        image: RGB or gray.
        rectangle: (x0, y0, x1, y1) in pixels; x0 > x1 mirrors left to right.
        size: side of the square.
        name: what to call the image in messages.

    Returns:
        uint8 ``[channels, size, size]``.

    Raises:
        ImprintError: the rectangle is empty or reaches out of the image.
    """
    x0, top, x1, bottom = rectangle.tolist()
    left, right = min(x0, x1), max(x0, x1)
    slack = _ROUNDING_PX
    inside = -slack <= left and right <= image.width + slack
    inside = inside and -slack <= top and bottom <= image.height + slack
    if not (inside and right - left > 2 * slack and bottom - top > 2 * slack):
        raise ImprintError(
            f"{name}: rectangle ({x0:g}, {top:g}, {x1:g}, {bottom:g}) is empty or outside "
            f"the {image.width} × {image.height} image"
        )
    # Pillow's filters reach beyond box= into the rest of the image, and there may be the object.
    column, row = math.floor(left + slack), math.floor(top + slack)
    part = image.crop((column, row, math.ceil(right - slack), math.ceil(bottom - slack)))
    box = (
        max(left - column, 0.0),
        max(top - row, 0.0),
        min(right - column, part.width),
        min(bottom - row, part.height),
    )
    pixels = to_array(part.resize((size, size), Image.Resampling.BILINEAR, box=box))
    return pixels[:, :, ::-1] if x0 > x1 else pixels


def to_array(image: Image.Image) -> Pixels:
    """Return the pixels of an RGB or gray image, uint8 ``[channels, H, W]``."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    if image.mode.startswith("I;16"):
        scaled = (np.asarray(image).astype(np.float64) / 257).round().astype(np.uint8)
        return Image.fromarray(scaled).convert(mode)
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {image.mode} have no known range")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert(mode)
