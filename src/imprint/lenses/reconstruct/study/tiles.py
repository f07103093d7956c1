"""Tiles: rows of pictures in one PNG file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from imprint.core.arrays import Pixels
from imprint.core.durable import replacing
from imprint.data.picture import shown_channels

GAP = 2
"""Pixels between pictures; thrice as many between groups."""
PAPER = 255
LEAST_SIDE = 64
"""Of a picture in pixels; smaller ones are enlarged, each pixel to a square."""


def write_tile(file: Path, *groups: Pixels) -> None:
    """Write a picture of one row an image, in it the pictures of every group side by side.

    Args:
        file: the PNG file, written whole or not at all.
        groups: each uint8 ``[n, k, C, S, S]`` with the same n and S.
    """
    buffer = io.BytesIO()
    tile(*groups).save(buffer, "PNG")
    with replacing(file) as temporary:
        temporary.write_bytes(buffer.getvalue())


def tile(*groups: Pixels) -> Image.Image:
    """Return that picture."""
    side = groups[0].shape[-1]
    factor = max(1, -(-LEAST_SIDE // side))
    parts = []
    for number, group in enumerate(groups):
        shown = np.moveaxis(shown_channels(group), 2, -1)  # [n, k, S, S, c]
        shown = np.broadcast_to(shown, (*shown.shape[:-1], 3))
        larger = shown.repeat(factor, axis=2).repeat(factor, axis=3)
        framed = np.pad(larger, ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=PAPER)
        rows = framed.transpose(0, 2, 1, 3, 4).reshape(-1, framed.shape[1] * framed.shape[3], 3)
        last = number + 1 == len(groups)
        parts.append(rows if last else _with_gap(rows))
    return Image.fromarray(np.concatenate(parts, axis=1)[:-GAP, :-GAP])


def _with_gap(rows: Pixels) -> Pixels:
    return np.pad(rows, ((0, 0), (0, 2 * GAP), (0, 0)), constant_values=PAPER)
