"""Rectangles, and the one resampler that turns them into squares.

Bilinear with antialiasing is separable: for one image ``out = R · image · Cᵀ`` with a row matrix
R ``[size, H]`` and a column matrix C ``[size, W]`` whose rows are triangle filters centred on the
output pixels. Each image has its own rectangle and so its own R and C; a batch is two batched
matrix products, on any device, exact for every rectangle. A filter is as wide as the reduction,
so reduced images do not alias, and it never reaches beyond the rectangle: a background crop must
not see a pixel of the object beside it. (Pillow's ``resize(box=…)`` does reach beyond; cropping
first gives what stands here.)
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError

ROUNDING = 1e-3
"""Overlap of a rectangle with a pixel, in pixels, that is taken for none."""


def whole_rectangles(sizes: ArrayLike) -> FloatArray:
    """Return the rectangle of the whole image for each (width, height), float64 ``[n, 4]``."""
    sizes = np.asarray(sizes, dtype=np.float64)
    return np.concatenate([np.zeros_like(sizes), sizes], axis=1)


def centre_squares(rectangles: ArrayLike, fraction: float = 1.0) -> FloatArray:
    """Return the centred square of each rectangle, its side ``fraction`` of the shorter side.

    ``fraction = 224/256`` is "shorter side to 256, then the centre 224 × 224" (dejavu spec §2.3)
    without rounding to whole pixels in between.

    Args:
        rectangles: float ``[n, 4]`` (x0, y0, x1, y1).
        fraction: in (0, 1].

    Returns:
        float64 ``[n, 4]``.

    Raises:
        ImprintError: ``fraction`` is not in (0, 1]: a larger square would leave its rectangle.
    """
    if not 0 < fraction <= 1:
        raise ImprintError(f"centre fraction {fraction:g} must lie in (0, 1]")
    x0, y0, x1, y1 = np.asarray(rectangles, dtype=np.float64).T
    half = np.minimum(x1 - x0, y1 - y0) * (fraction / 2)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return np.stack([x - half, y - half, x + half, y + half], axis=1)


def resample(images: torch.Tensor, rectangles: ArrayLike | torch.Tensor, size: int) -> torch.Tensor:
    """Return one rectangle of each image, resampled to a square.

    Args:
        images: uint8 or float ``[b, channels, H, W]`` on any device.
        rectangles: ``[b, 4]`` (x0, y0, x1, y1) in pixels, inside the image, positive area; x0 > x1
            mirrors the image left to right.
        size: side of the square.

    Returns:
        float32 ``[b, channels, size, size]`` in the units of ``images``, same device.
    """
    count, channels, height, width = images.shape
    boxes = torch.as_tensor(rectangles, dtype=torch.float32, device=images.device)
    rows = _triangle_filters(boxes[:, 1], boxes[:, 3], height, size)
    columns = _triangle_filters(boxes[:, 0], boxes[:, 2], width, size)
    flat = images.to(torch.float32).reshape(count, channels * height, width)
    across = torch.bmm(flat, columns.transpose(1, 2)).reshape(count, channels, height, size)
    return torch.einsum("byh,bchx->bcyx", rows, across)


def to_uint8(values: torch.Tensor) -> torch.Tensor:
    """Return values in [0, 255] rounded to the nearest uint8."""
    return values.round().clamp_(0, 255).to(torch.uint8)


def _triangle_filters(
    start: torch.Tensor, end: torch.Tensor, length: int, size: int
) -> torch.Tensor:
    """Return float32 ``[b, size, length]``; each row sums to 1."""
    step = ((end - start) / size)[:, None, None]
    support = step.abs().clamp(min=1.0)
    outputs = torch.arange(size, device=start.device, dtype=torch.float32)[None, :, None]
    inputs = torch.arange(length, device=start.device, dtype=torch.float32)[None, None, :]
    centres = start[:, None, None] + (outputs + 0.5) * step
    weights = (1 - (inputs + 0.5 - centres).abs() / support).clamp_(min=0)
    low = torch.minimum(start, end)[:, None, None]
    high = torch.maximum(start, end)[:, None, None]
    weights = weights * ((inputs + 1 > low + ROUNDING) & (inputs < high - ROUNDING))
    return weights / weights.sum(dim=2, keepdim=True)
