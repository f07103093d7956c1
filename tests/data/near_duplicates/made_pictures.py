"""Pictures of smooth noise, and copies of them as they come about."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 48


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return pictures with detail at every scale, uint8 ``[n, 48, 48, 3]``."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        layers = np.zeros((SIDE, SIDE, 3))
        for cells, weight in ((3, 50), (6, 35), (12, 25), (24, 15)):
            noise = random.normal(size=(cells, cells, 3)).astype(np.float32)
            for channel in range(3):
                layer = Image.fromarray(noise[..., channel])
                resized = layer.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
                layers[..., channel] += weight * np.asarray(resized)
        made.append((layers + 128).clip(0, 255).astype(np.uint8))
    return np.stack(made)


def encoded(picture: NDArray[np.uint8], quality: int = 60) -> NDArray[np.uint8]:
    """Return a picture after JPEG."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def cropped(picture: NDArray[np.uint8], share: float, x: float, y: float) -> NDArray[np.uint8]:
    """Return a crop of a share of the side, resized."""
    left, top = x * (1 - share) * SIDE, y * (1 - share) * SIDE
    box = (left, top, left + share * SIDE, top + share * SIDE)
    size = (SIDE, SIDE)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, box))


def brightened(picture: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return a picture times a factor, clipped."""
    return (picture * factor).clip(0, 255).astype(np.uint8)
