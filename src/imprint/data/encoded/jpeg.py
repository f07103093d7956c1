"""JPEGs decoded by simplejpeg, wherever it gives the very pixels that Pillow gives.

Pillow is the reference: what it refuses stays refused, and what it mends is left to it. simplejpeg
decodes by the same libjpeg-turbo at three to six times the rate, since it does without a parser in
Python and without a copy, and gives up the interpreter lock. It is asked to refuse whatever is
damaged, however slightly. Where it cannot be imported Pillow decodes everything, to the same
pixels.

No rectangle of a JPEG can be decoded alone: entropy coding runs through the whole file, and a cut
on the borders of blocks moves the pixels beside it. So a crop is a whole decode and a slice.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Interleaved = NDArray[np.uint8]
"""Pixels as decoders write them, ``[H, W, channels]``."""

JPEG = b"\xff\xd8\xff"
"""How every JPEG begins."""
_DecodeJpeg = Callable[..., Interleaved]
_FRAMES = frozenset((0xC0, 0xC2))
"""Baseline and progressive, of Huffman codes."""
_SCAN = 0xDA
_TABLES = frozenset((0xC4, 0xDB, 0xDD, 0xFE))
"""Huffman and quantisation tables, restart interval, comment."""
_HEADER_BYTES = 16
_ADOBE_BYTES = 14


class Frame(NamedTuple):
    """What the header of a JPEG says of its picture."""

    width: int
    height: int
    layers: int


@cache
def decoder() -> _DecodeJpeg | None:
    """Return simplejpeg's decoder; None where it cannot be imported."""
    try:
        from simplejpeg import decode_jpeg
    except ImportError:
        return None
    decode: _DecodeJpeg = decode_jpeg
    return decode


def decode_exactly(content: bytes, channels: int, most_pixels: int) -> Interleaved | None:
    """Return the pixels of a JPEG as Pillow decodes them; None where Pillow has to be asked.

    Args:
        content: a whole file, of any kind.
        channels: 3 for RGB, 1 for gray.
        most_pixels: pictures of more are not decoded.

    Returns:
        uint8 ``[H, W, channels]``.
    """
    decode = decoder()
    if decode is None or not content.startswith(JPEG):
        return None
    frame = plain_frame(content) or _frame_by_pillow(content)
    if frame is None or frame.width * frame.height > most_pixels:
        return None
    colourspace = "GRAY" if frame.layers == channels == 1 else "RGB"
    try:
        pixels = decode(content, colourspace)
    except (ValueError, MemoryError):
        return None
    if pixels.shape[:2] != (frame.height, frame.width):
        return None
    if channels == 1 and frame.layers == 3:
        # Pillow computes gray from RGB; the luma that the file holds is rounded otherwise.
        return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
    return pixels


def plain_frame(content: bytes) -> Frame | None:
    """Return the frame of a JPEG whose header holds nothing that Pillow might stumble on.

    None for any other: a file that is damaged, not of 8 bits, or has metadata that Pillow parses.
    """
    frame: Frame | None = None
    start, end = 2, len(content) - 4
    while start <= end:
        if content[start] != 0xFF:
            return None
        marker = content[start + 1]
        length = content[start + 2] << 8 | content[start + 3]
        if marker == _SCAN:
            return frame
        if length < 2 or start + 2 + length > end:
            return None
        if marker in _FRAMES:
            frame = None if frame is not None else _frame(content, start + 4, length)
            if frame is None:
                return None
        elif marker not in _TABLES and not _is_plain(marker, content, start + 4, length):
            return None
        start += 2 + length
    return None


def _frame(content: bytes, start: int, length: int) -> Frame | None:
    bits, top, low, left, right, layers = content[start : start + 6]
    height, width = top << 8 | low, left << 8 | right
    is_plain = bits == 8 and layers in (1, 3) and length == 8 + 3 * layers and height and width
    return Frame(width, height, layers) if is_plain else None


def _is_plain(marker: int, content: bytes, start: int, length: int) -> bool:
    """Return whether a segment is a complete JFIF or Adobe header."""
    if marker == 0xE0:
        return length >= _HEADER_BYTES and content.startswith(b"JFIF\0", start)
    return marker == 0xEE and length >= _ADOBE_BYTES and content.startswith(b"Adobe", start)


def _frame_by_pillow(content: bytes) -> Frame | None:
    """Return the frame of a JPEG whose header Pillow has read; None for what it alone decodes."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            layers = {"L": 1, "RGB": 3}.get(image.mode, 0)
            is_single = image.format == "JPEG"
            return Frame(*image.size, layers) if layers and is_single else None
    except Exception:  # whatever it is, Pillow says it again where it is reported
        return None
