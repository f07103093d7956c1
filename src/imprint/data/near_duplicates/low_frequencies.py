"""Low frequencies of images: a perceptual hash and an embedding, for whole batches at once.

The whole image, squeezed to 32 × 32 pixels, is transformed by the cosine transform (DCT-II), and
the 8 × 8 lowest frequencies of each channel are kept, without the constant one:

    embedding: the coefficients of all channels; its cosine is the correlation of two blurred images
    hash: 63 bits, whether a coefficient of light is above their median (pHash, Zauner 2010)

Encoding changes high frequencies first; brightness moves the constant term, contrast scales all
others alike. A mirrored image has the same coefficients, those of odd horizontal frequency with the
other sign, so its hash and embedding need no other transform.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, Pixels
from imprint.data.near_duplicates.method import FREQUENCIES

SIDE = 32
"""Of the squeezed images, in pixels."""
LIGHT = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in light (ITU-R BT.601)."""

Coefficients = NDArray[np.float32]
"""``[n, channels, 8, 8]``, vertical frequencies before horizontal ones."""


def cosine_transform(side: int, frequencies: int) -> torch.Tensor:
    """Return the matrix of the orthonormal DCT-II, float32 ``[frequencies, side]``."""
    places = (np.arange(side) + 0.5)[None] * np.arange(frequencies)[:, None]
    matrix = np.cos(np.pi / side * places) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return torch.from_numpy(matrix.astype(np.float32))


@functools.cache
def _transform() -> torch.Tensor:
    return cosine_transform(SIDE, FREQUENCIES)


def low_frequencies(pixels: Pixels) -> Coefficients:
    """Return the lowest frequencies of squeezed images, without the constant ones, which are 0.

    Args:
        pixels: uint8 ``[n, channels, 32, 32]``.
    """
    transform = _transform()
    coefficients = transform @ torch.from_numpy(pixels).float() @ transform.T
    coefficients[:, :, 0, 0] = 0
    return np.asarray(coefficients.numpy())


def mirrored(coefficients: Coefficients) -> Coefficients:
    """Return the coefficients of the images mirrored left to right."""
    signs = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)
    return coefficients * signs


def perceptual_hashes(coefficients: Coefficients) -> BoolArray:
    """Return the hash of every image, bool ``[n, 63]``."""
    light = np.tensordot(coefficients, light_shares(coefficients.shape[1]), axes=(1, 0))
    rows = light.reshape(len(light), -1)[:, 1:]
    return np.asarray(rows > np.median(rows, axis=1, keepdims=True))


def embeddings(coefficients: Coefficients) -> NDArray[np.float32]:
    """Return the embedding of every image, float32 ``[n, 64 · channels]``."""
    return coefficients.reshape(len(coefficients), -1)


def light_shares(channels: int) -> NDArray[np.float32]:
    """Return the share of each channel in light: of colours by their names, else equal shares."""
    shares = LIGHT if channels == len(LIGHT) else (1 / channels,) * channels
    return np.array(shares, dtype=np.float32)


def light_of(pixels: Pixels) -> Pixels:
    """Return the light of images, uint8 ``[n, H, W]``."""
    light = np.tensordot(pixels, light_shares(pixels.shape[1]), axes=(1, 0))
    return np.asarray(np.rint(light).clip(0, 255), dtype=np.uint8)
