"""Colours and edges of patches: what can be said of a picture without any training.

A picture becomes a few maps: light and two opponent colours, their squares, and the strength of
edges in eight directions. Means over patches of the maps give, for each patch, the mean and
standard deviation of the three colours and the edges in each direction:

    light = (R + G + B) / 3,   R − G,   (R + G) / 2 − B        in [−1, 1], light in [0, 1]
    edge at a pixel: central differences of light (dx, dy), strength √(dx² + dy²), direction
    atan2(dy, dx) modulo π, shared linearly between the two nearest of eight directions

(as in histograms of oriented gradients, Dalal & Triggs, CVPR 2005).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError

DIRECTIONS = 8
PYRAMID = (1, 2, 4)
PATCHES = 7
"""Patches across and down a picture; neighbours overlap by half."""
ROWS_A_TILE = 1024


def patch_descriptors(pixels: Pixels, patches: int = PATCHES) -> NDArray[np.float32]:
    """Return the descriptors of ``patches²`` patches of each picture, half overlapping.

    Args:
        pixels: uint8 ``[n, channels, H, W]``.
        patches: how many across and down.

    Returns:
        float32 ``[n, patches², d]``, d = 14 in colour and 10 in gray, row by row.

    Raises:
        ImprintError: pictures that are too small for so many patches.
    """
    smallest = min(pixels.shape[2:])
    if smallest < patches + 1:
        raise ImprintError(
            f"pictures of {smallest} pixels are too small for {patches} patches across"
        )
    return _described(pixels, lambda maps: _overlapping(maps, patches))


def pyramid_descriptors(pixels: Pixels, levels: Sequence[int] = PYRAMID) -> NDArray[np.float32]:
    """Return the descriptors of the whole picture, its quarters and sixteenths, side by side.

    Args:
        pixels: uint8 ``[n, channels, H, W]``.
        levels: cells across and down, for each level of the pyramid.

    Returns:
        float32 ``[n, (1 + 4 + 16) · d]``.
    """
    return _described(
        pixels,
        lambda maps: torch.cat(
            [F.adaptive_avg_pool2d(maps, level).flatten(2) for level in levels], dim=2
        ),
    ).reshape(len(pixels), -1)


def _described(pixels: Pixels, pool: Callable[[torch.Tensor], torch.Tensor]) -> NDArray[np.float32]:
    """Return descriptors of what ``pool`` makes of the maps, float32 ``[n, cells, d]``."""
    tiles = [
        _to_descriptors(pool(_maps(torch.from_numpy(pixels[start : start + ROWS_A_TILE]))))
        for start in range(0, max(1, len(pixels)), ROWS_A_TILE)
    ]
    return np.concatenate(tiles)


def _overlapping(maps: torch.Tensor, patches: int) -> torch.Tensor:
    """Return means over patches two cells wide, one cell apart, of a grid of patches + 1 cells."""
    cells = F.adaptive_avg_pool2d(maps, patches + 1)
    return F.avg_pool2d(cells, 2, stride=1).flatten(2)


def _maps(pixels: torch.Tensor) -> torch.Tensor:
    """Return colours, their squares and edges by direction, float32 ``[n, maps, H, W]``."""
    values = pixels.float() / 255
    light = values.mean(dim=1, keepdim=True)
    colours = light
    if values.shape[1] == 3:
        red, green, blue = (values[:, channel : channel + 1] for channel in range(3))
        colours = torch.cat([light, red - green, (red + green) / 2 - blue], dim=1)
    return torch.cat([colours, colours.square(), _edges(light)], dim=1)


def _edges(light: torch.Tensor) -> torch.Tensor:
    padded = F.pad(light, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    place = torch.remainder(torch.atan2(down, across), torch.pi) * (DIRECTIONS / torch.pi)
    direction = torch.arange(DIRECTIONS, dtype=place.dtype)[None, :, None, None]
    distance = (place - direction).abs()
    distance = torch.minimum(distance, DIRECTIONS - distance)
    return torch.hypot(across, down) * (1 - distance).clamp(min=0)


def _to_descriptors(means: torch.Tensor) -> NDArray[np.float32]:
    """Turn means of colours and of their squares into means and standard deviations."""
    colours = (means.shape[1] - DIRECTIONS) // 2
    mean, square, edges = means.tensor_split((colours, 2 * colours), dim=1)
    spread = (square - mean.square()).clamp(min=0).sqrt()
    described = torch.cat([mean, spread, edges], dim=1)
    return np.ascontiguousarray(described.transpose(1, 2).numpy())
