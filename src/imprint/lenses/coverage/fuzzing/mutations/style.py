"""Style: textures and colours of one image on another, by statistics of random features.

Adaptive instance normalisation (Huang and Belongie 2017, eq. 8) gives every feature map of an image
the mean and the deviation that it has on another image. Here features are the products of all 5 × 5
patches with a random orthonormal basis in place of a trained encoder; such features can be turned
back exactly, so that no decoder is needed and no amount of style changes nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.seeds import derive, generator, uniforms
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, PixelMutation

PATCH = 5
LEAST_DEVIATION = 1.0
"""Of a feature, of 255: below that it is constant, and is not enlarged."""
SOURCES = derive(0, "fuzzing styles")


@MUTATIONS.register("style")
class Style(PixelMutation):
    """The amount mixes the statistics of a seed, drawn by the key, into those of the image."""

    words = "colours and textures of another seed, by statistics of random features"
    unit = " of the style"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the share of the other style."""
        return np.stack([uniform[:, 0], np.zeros(len(uniform))], 1)

    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return images in the style of others."""
        drawn = (uniforms(SOURCES, keys, 1)[:, 0] * len(sources)).astype(np.int64)
        styles = sources[torch.from_numpy(drawn)].to(images)
        basis = patch_basis(images.shape[1]).to(images)
        own, other = patch_features(images, basis), patch_features(styles, basis)
        share = torch.from_numpy(amounts[:, 0]).to(images)[:, None, None, None]
        return from_patch_features(torch.lerp(own, normalised_as(own, other), share), basis)


@lru_cache(maxsize=4)
def patch_basis(channels: int) -> Tensor:
    """Return a random orthonormal basis of patches, float32 ``[d, channels, 5, 5]``."""
    size = channels * PATCH**2
    numbers = generator(0, "fuzzing patches").normal(size=(size, size))
    orthonormal, _ = np.linalg.qr(numbers)
    return torch.from_numpy(orthonormal).float().reshape(size, channels, PATCH, PATCH)


def patch_features(images: Tensor, basis: Tensor) -> Tensor:
    """Return the products of all patches with the basis, ``[n, d, H + 4, W + 4]``."""
    edge = PATCH - 1
    padded = torch.nn.functional.pad(images, (edge, edge, edge, edge), "replicate")
    return torch.nn.functional.conv2d(padded, basis)


def from_patch_features(features: Tensor, basis: Tensor) -> Tensor:
    """Return the images whose patches are nearest to these, the mean where they overlap.

    It turns back :func:`patch_features` of any images.
    """
    edge = PATCH - 1
    summed = torch.nn.functional.conv_transpose2d(features, basis)
    return summed[:, :, edge:-edge, edge:-edge] / PATCH**2


def normalised_as(features: Tensor, others: Tensor) -> Tensor:
    """Return features with the mean and deviation that each has in others."""
    deviation, mean = torch.std_mean(features, (2, 3), keepdim=True)
    wanted, middle = torch.std_mean(others, (2, 3), keepdim=True)
    return (features - mean) / deviation.clamp_min(LEAST_DEVIATION) * wanted + middle
