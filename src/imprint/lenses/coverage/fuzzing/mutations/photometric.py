"""Photometric mutations: brightness, contrast, blur and noise.

The ranges are about those of DeepHunter (Xie et al. 2019): brightness by 70 of 255, contrast from
0.5 to 2 times.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.seeds import derive, uniforms
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, PixelMutation
from imprint.lenses.coverage.fuzzing.validity import exact_sum

MAX_BRIGHTNESS = 70.0
MAX_CONTRAST = 1.0
MAX_BLUR = 0.05
"""Standard deviation as a share of the side."""
BLUR_REACH = 3.0
"""Standard deviations of a blur beyond which it takes nothing."""
LEAST_BLUR = 1e-3
"""Deviation in pixels below which a blur leaves an image alone."""
WIDTH_AXIS = 3
MAX_NOISE = 25.0
NOISE_STARTS = 1 << 20
"""Places among normal numbers at which the noise of an image may begin."""
NOISE = derive(0, "fuzzing noise")


def _column(values: FloatArray, images: Tensor) -> Tensor:
    """Return a number an image, float32 ``[n, 1, 1, 1]`` beside the images."""
    return torch.from_numpy(values.astype(np.float32)).to(images.device)[:, None, None, None]


def _first(values: FloatArray) -> FloatArray:
    return np.stack([values, np.zeros(len(values))], 1)


@MUTATIONS.register("brightness")
class Brightness(PixelMutation):
    """The amount is added to every pixel."""

    words = "brightness up or down by up to 70 of 255"
    unit = " of 255"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return what is added."""
        return _first((2 * uniform[:, 0] - 1) * MAX_BRIGHTNESS)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return brighter or darker images."""
        return images + _column(amounts[:, 0], images)


@MUTATIONS.register("contrast")
class Contrast(PixelMutation):
    """The amount a makes differences from the mean of the image 2ᵃ times as large."""

    words = "half to double contrast"
    unit = " doublings"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return a."""
        return _first((2 * uniform[:, 0] - 1) * MAX_CONTRAST)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return images of more or less contrast."""
        mean = (exact_sum(images.flatten(1)) / images[0].numel())[:, None, None, None]
        return mean + (images - mean) * _column(np.exp2(amounts[:, 0]), images)


@MUTATIONS.register("blur")
class Blur(PixelMutation):
    """The amount is the standard deviation of a Gaussian, as a share of the side."""

    words = "Gaussian blur of up to a twentieth of the side"
    unit = " of the side"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the share."""
        return _first(uniform[:, 0] * MAX_BLUR)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return blurred images; beyond the edge its pixels repeat."""
        deviations = amounts[:, 0] * max(images.shape[2:])
        reach = int(np.ceil(BLUR_REACH * max(deviations.max(), LEAST_BLUR)))
        weights = torch.from_numpy(blur_weights(deviations, reach)).to(images.device)
        for axis in (2, 3):
            images = _weighted_sum(images, weights, axis)
        return images


def blur_weights(deviations: FloatArray, reach: int) -> NDArray[np.float32]:
    """Return the weights of a Gaussian at −reach … reach pixels, float32 ``[n, 2·reach + 1]``.

    A deviation of 0 leaves the middle alone. Each row cuts off at its own three deviations, so that
    it is the same beside others.
    """
    places = np.arange(-reach, reach + 1, dtype=float)
    safe = np.maximum(deviations, LEAST_BLUR)[:, None]
    within = np.abs(places) <= np.ceil(BLUR_REACH * safe)
    weights = np.exp(-0.5 * (places / safe) ** 2) * within
    return np.asarray(weights / weights.sum(1, keepdims=True), dtype=np.float32)


def _weighted_sum(images: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Return Σ_k w[n, k] · image shifted by k along an axis, tap by tap."""
    reach, side = weights.shape[1] // 2, images.shape[axis]
    edges = (reach, reach, 0, 0) if axis == WIDTH_AXIS else (0, 0, reach, reach)
    padded = torch.nn.functional.pad(images, edges, "replicate")
    total = torch.zeros_like(images)
    windows = padded.unfold(axis, side, 1).movedim(-1, axis + 1).unbind(axis)
    for window, weight in zip(windows, weights[..., None, None, None].unbind(1), strict=True):
        total.addcmul_(window, weight)
    return total


@MUTATIONS.register("noise")
class Noise(PixelMutation):
    """The amount is the standard deviation of Gaussian noise, of 255."""

    words = "Gaussian noise of up to 25 of 255"
    unit = " of 255"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the deviation."""
        return _first(uniform[:, 0] * MAX_NOISE)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return noisy images; the noise of an image depends on its key alone."""
        size = images[0].numel()
        starts = (uniforms(NOISE, keys, 1)[:, 0] * NOISE_STARTS).astype(np.int64)
        windows = _normal_numbers(size + NOISE_STARTS).unfold(0, size, 1)
        noise = windows.index_select(0, torch.from_numpy(starts))
        noise = noise.view(images.shape).to(images.device)
        return images + noise * _column(amounts[:, 0], images)


@lru_cache(maxsize=1)
def _normal_numbers(count: int) -> Tensor:
    """Return normal numbers, float32 ``[count]``, of which every noise is a stretch.

    To draw them anew for each image takes longer than a small network takes to classify it.
    """
    uniform = uniforms(NOISE, np.zeros(1, dtype=np.int64), count)[0]
    normal: Tensor = torch.special.ndtri(torch.from_numpy(uniform).clamp_min(2.0**-53))
    return normal.float()
