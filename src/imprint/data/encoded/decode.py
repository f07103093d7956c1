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
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.data.encoded.jpeg import JPEG, Interleaved, decode_exactly, plain_frame
from imprint.reading.regular import open_regular, read_at_once, read_start

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
_HEADER_BYTES = 4096
_ROUNDING_PX = 1e-3

Picture = Image.Image | Interleaved
"""A decoded image, RGB or gray: Pillow's, or uint8 ``[H, W, channels]``."""


def load(file: Path, channels: int = 3, remedy: str = OF_A_SET) -> Image.Image:
    """Return the image in a file, decoded completely; see :func:`decode_image`.

    Raises:
        ImprintError: the file is missing, truncated, damaged or of an unknown kind.
    """
    return as_image(decode_image(read_encoded(file, remedy), str(file), channels, remedy))


def read_encoded(file: Path | str, remedy: str = OF_A_SET) -> bytes:
    """Return the bytes of an image file.

    Raises:
        ImprintError: the file is missing, cannot be read or is larger than
            :data:`MAX_ENCODED_BYTES`.
    """
    try:
        return read_at_once(file, MAX_ENCODED_BYTES)
    except FileNotFoundError:
        raise ImprintError(f"no image at {file}: it was moved or deleted") from None
    except (OSError, ValueError) as error:
        raise ImprintError(f"cannot decode the image {file} ({error}): {remedy}") from error


def decode_image(content: bytes, name: str, channels: int = 3, remedy: str = OF_A_SET) -> Picture:
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
    pixels = decode_exactly(content, channels, MAX_PIXELS)
    return decode_by_pillow(content, name, channels, remedy) if pixels is None else pixels


def decode_by_pillow(
    content: bytes, name: str, channels: int = 3, remedy: str = OF_A_SET
) -> Image.Image:
    """Return what :func:`decode_image` does, decoded by Pillow, which says what is damaged.

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
        return _size_of_plain(content) or _size_by_pillow(io.BytesIO(content))
    except _DAMAGE as error:
        raise ImprintError(
            f"cannot read the image {name} ({_reason(error)}): {OF_A_SET}"
        ) from error


def header_size(file: Path | str) -> tuple[int, int]:
    """Return width and height from the header of an image file.

    Raises:
        ImprintError: the file is missing or its header cannot be read.
    """
    try:
        size = _size_of_plain(read_start(file, _HEADER_BYTES))
        if size is not None:
            return size
        with open_regular(Path(file)) as stream:
            return _size_by_pillow(stream)
    except FileNotFoundError:
        raise ImprintError(f"no image at {file}: it was moved or deleted") from None
    except _DAMAGE as error:
        raise ImprintError(
            f"cannot read the image {file} ({_reason(error)}): {OF_A_SET}"
        ) from error


def _size_of_plain(content: bytes) -> tuple[int, int] | None:
    frame = plain_frame(content) if content.startswith(JPEG) else None
    if frame is None or frame.width * frame.height > MAX_PIXELS:
        return None
    return frame.width, frame.height


def _size_by_pillow(stream: IO[bytes]) -> tuple[int, int]:
    with Image.open(stream, formats=FORMATS) as image:
        _check_extent(image)
        return image.size


def _reason(error: Exception) -> str:
    """Return what is wrong with a file, without the address of an open stream."""
    return "no known kind of image" if isinstance(error, UnidentifiedImageError) else str(error)


def _check_extent(image: Image.Image) -> None:
    """Check that an image is not larger than any camera's, whose pixels would fill the memory."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} × {height} pixels, more than {MAX_PIXELS:,}")


def square(image: Picture, rectangle: NDArray[np.float64], size: int, name: str) -> Pixels:
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
    width, height = size_of(image)
    slack = _ROUNDING_PX
    inside = -slack <= left and right <= width + slack
    inside = inside and -slack <= top and bottom <= height + slack
    if not (inside and right - left > 2 * slack and bottom - top > 2 * slack):
        raise ImprintError(
            f"{name}: rectangle ({x0:g}, {top:g}, {x1:g}, {bottom:g}) is empty or outside "
            f"the {width} × {height} image"
        )
    # Pillow's filters reach beyond box= into the rest of the image, and there may be the object.
    column, row = math.floor(left + slack), math.floor(top + slack)
    last_column, last_row = math.ceil(right - slack), math.ceil(bottom - slack)
    part_width, part_height = last_column - column, last_row - row
    box = (
        max(left - column, 0.0),
        max(top - row, 0.0),
        min(right - column, part_width),
        min(bottom - row, part_height),
    )
    part = _cut(image, column, row, last_column, last_row)
    # Pillow hands a picture on as it is where nothing is to be resized.
    if part_width != size or part_height != size or box != (0, 0, size, size):
        resized = as_image(part).resize((size, size), Image.Resampling.BILINEAR, box=box)
        pixels = to_array(resized)
    else:
        pixels = to_array(part)
    return pixels[:, :, ::-1] if x0 > x1 else pixels


def size_of(image: Picture) -> tuple[int, int]:
    """Return width and height of a decoded image."""
    return image.size if isinstance(image, Image.Image) else (image.shape[1], image.shape[0])


def to_array(image: Picture) -> Pixels:
    """Return the pixels of an RGB or gray image, uint8 ``[channels, H, W]``."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _cut(image: Picture, left: int, top: int, right: int, bottom: int) -> Picture:
    if isinstance(image, Image.Image):
        whole = (0, 0, *image.size) == (left, top, right, bottom)
        return image if whole else image.crop((left, top, right, bottom))
    return image[top:bottom, left:right]


def as_image(picture: Picture) -> Image.Image:
    """Return a decoded image as Pillow's."""
    if isinstance(picture, Image.Image):
        return picture
    return Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)


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
