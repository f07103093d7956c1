"""Gaussian noise on a fixed number of pixels of each image, chosen or random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray
from imprint.core.errors import ImprintError

Inputs = NDArray[np.float32]


def pixel_budget(height: int, width: int, share: float) -> int:
    """Return how many of the pixels of an image a share is, at least 1 and at most half.

    Half, so that as many others are left.

    >>> pixel_budget(10, 10, 0.02), pixel_budget(4, 4, 0.01)
    (2, 1)
    """
    return max(1, min(round(share * height * width), height * width // 2))


def leading_pixels(scores: NDArray[np.floating], budget: int) -> BoolArray:
    """Return the pixels of the highest scores, bool ``[n, H, W]``; ties go to the first.

    Args:
        scores: ``[n, H, W]``.
        budget: pixels of each image, 1 to H · W.

    Raises:
        ImprintError: a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise ImprintError("a pixel's importance is not finite: choose another attribution")
    flat = scores.reshape(len(scores), -1)
    order = np.argsort(-flat, axis=1, kind="stable")[:, :budget]
    mask = np.zeros(flat.shape, dtype=bool)
    np.put_along_axis(mask, order, True, axis=1)
    return mask.reshape(scores.shape)


def other_pixels(mask: BoolArray, random: np.random.Generator) -> BoolArray:
    """Return as many random pixels of each image outside a mask, bool ``[n, H, W]``.

    Args:
        mask: bool ``[n, H, W]``, as many pixels in each image, at most half of them.
        random: generator.

    Raises:
        ImprintError: fewer pixels are outside than inside.
    """
    budget = int(mask[0].sum()) if len(mask) else 0
    if 2 * budget > mask[0].size:
        raise ImprintError(f"{budget} pixels of {mask[0].size} leave fewer others: take fewer")
    # Keys beyond 1 keep the pixels of the mask from being drawn.
    keys = random.random(mask.shape) + 2.0 * mask
    return leading_pixels(-keys, budget)


def noise_values(
    shape: tuple[int, int, int], deviation: float, random: np.random.Generator
) -> Inputs:
    """Return Gaussian noise of mean 0, float32 ``[n, channels, budget]``: one column a pixel.

    Args:
        shape: images, channels, and pixels of each.
        deviation: standard deviation, in units of inputs in [0, 1].
        random: generator.
    """
    return random.standard_normal(shape, dtype=np.float32) * np.float32(deviation)


def add_noise(inputs: Inputs, mask: BoolArray, values: Inputs) -> Inputs:
    """Return inputs with noise on the pixels of a mask, cut to [0, 1]; others stay to the bit.

    Args:
        inputs: float32 ``[n, channels, H, W]`` in [0, 1].
        mask: bool ``[n, H, W]``, as many pixels in each image.
        values: float32 ``[n, channels, budget]``, of the pixels in order of rows.

    Raises:
        ImprintError: shapes that do not fit, or inputs outside [0, 1].
    """
    check_inputs(inputs)
    count, channels, height, width = inputs.shape
    if mask.shape != (count, height, width):
        raise ImprintError(f"noise: the mask is {list(mask.shape)}, the images {inputs.shape}")
    flat = mask.reshape(count, -1)
    if (flat.sum(1) != values.shape[2]).any():
        raise ImprintError(f"noise: every image must have {values.shape[2]} pixels in the mask")
    changed = inputs.reshape(count, channels, -1).copy()
    rows, columns = np.nonzero(flat)
    spread = values.transpose(0, 2, 1).reshape(-1, channels)
    changed[rows, :, columns] = np.clip(changed[rows, :, columns] + spread, 0, 1)
    return changed.reshape(inputs.shape)


def check_inputs(inputs: NDArray[np.generic]) -> None:
    """Refuse what is not float32 ``[n, channels, H, W]`` in [0, 1].

    Raises:
        ImprintError: it is not; attacks would take integers without a word, and leave the range.
    """
    if inputs.dtype != np.float32 or inputs.ndim != 4:
        raise ImprintError(
            f"images must be float32 [n, channels, height, width], got {inputs.dtype} "
            f"{list(inputs.shape)}"
        )
    if inputs.size and not (inputs.min() >= 0 and inputs.max() <= 1):
        raise ImprintError("images must be in [0, 1]: divide pixels of 0 to 255 by 255")
