"""Covariances of pixels as layers of convolutions change them: of the process and its tangent.

A convolution takes K to W_std² · mean of K over a window of offsets, the same for both pixels, plus
b_std². The tangent kernel goes along as in fully connected networks: Θ = K after the first layer of
weights; an activation takes Θ to F_k Θ, a layer of weights to K + W_std² · mean of Θ; pools and
sums of branches treat both alike.

Novak, Xiao, Bahri, Lee, Yang, Abolafia, Pennington, Sohl-Dickstein 2019, "Bayesian Deep
Convolutional Networks with Many Channels are Gaussian Processes"; Arora, Du, Hu, Li, Salakhutdinov,
Wang 2019, "On Exact Computation with an Infinitely Wide Neural Net".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Axes = tuple[tuple[int, ...], tuple[int, ...]]
"""Axes of rows and of columns: one each for pixels that all have the same displacement, two for
pixels of one image with all of the other."""

SAME_PIXELS: Axes = ((-2,), (-1,))
"""``[..., H, W]``: pixels i of one image with i + δ of the other, for one displacement δ."""
ALL_PIXELS: Axes = ((-4, -2), (-3, -1))
"""``[..., H, W, H, W]``: all pixels of one image with all of the other."""


@dataclass(frozen=True, eq=False)
class Covariances:
    """What is between the pixels of pairs of images.

    Attributes:
        k: of the process.
        axes: where its rows and columns are.
        tangent: likewise of the tangent kernel; None where it is not asked for, or still zero.
    """

    k: Tensor
    axes: Axes = SAME_PIXELS
    tangent: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> Covariances:
        """Return both with a linear change."""
        tangent = None if self.tangent is None else change(self.tangent)
        return Covariances(change(self.k), self.axes, tangent)

    def __add__(self, other: Covariances) -> Covariances:
        """Return those of the sum of two independent branches."""
        if self.tangent is None or other.tangent is None:
            return Covariances(self.k + other.k, self.axes)
        return Covariances(self.k + other.k, self.axes, self.tangent + other.tangent)

    def window_sum(self, window: int, stride: int = 1) -> Covariances:
        """Return sums over a square window of offsets, the same for both pixels of a pair.

        Zeros surround the covariances (padding SAME: as many outputs as strides begin in the
        image), the odd one at the high indices.
        """
        result = self
        for axes in self.axes:
            result = result.map(partial(_slide, axes=axes, window=window, stride=stride))
        return result


def mean_pool(k: Tensor, side: int) -> Tensor:
    """Return ``[..., H/side, W/side, H/side, W/side]``, means over both windows of pixels."""
    sizes = [part for size in k.shape[-4:] for part in (size // side, side)]
    return k.reshape(*k.shape[:-4], *sizes).mean(dim=(-1, -3, -5, -7))


def channel_product(one: Tensor, other: Tensor) -> Tensor:
    """Return inner products over channels, ``[..., H, W]`` from two ``[..., C, H, W]``."""
    first, *rest = zip(one.unbind(-3), other.unbind(-3), strict=True)
    product = first[0] * first[1]
    for a, b in rest:
        product.addcmul_(a, b)
    return product


def _slide(k: Tensor, axes: tuple[int, ...], window: int, stride: int) -> Tensor:
    """Return sums of ``window`` neighbours, the offset the same along all ``axes``."""
    size = k.shape[axes[0]]
    outputs = -(-size // stride)
    low = max((outputs - 1) * stride + window - size, 0) // 2
    total = _along(k, axes, slice(None, None, stride)).clone(memory_format=torch.contiguous_format)
    for offset in range(-low, window - low):
        first = max(0, -(offset // stride))
        last = min(outputs, (size - 1 - offset) // stride + 1)
        if offset != 0 and first < last:
            shifted = slice(first * stride + offset, (last - 1) * stride + offset + 1, stride)
            _along(total, axes, slice(first, last)).add_(_along(k, axes, shifted))
    return total


def _along(k: Tensor, axes: tuple[int, ...], part: slice) -> Tensor:
    """Return the same part along all ``axes``, as a view."""
    index = [slice(None)] * k.ndim
    for axis in axes:
        index[axis] = part
    return k[tuple(index)]
