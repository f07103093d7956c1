"""What convolutions and pools of infinitely many channels do to covariances between pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def window_sum(k: Tensor, window: int, stride: int = 1, pairs: int = 1) -> Tensor:
    """Return sums over a square window of offsets, the same for all pixels of a pair.

    Zeros surround the covariances (padding SAME: as many outputs as strides begin in the image),
    the odd one at the high indices. A convolution is W_std² times this over window², plus b_std².

    Args:
        k: ``[..., H, W]`` for ``pairs`` 1: covariances of pixels i with pixels i + δ, δ fixed;
            ``[..., H, W, H, W]`` for ``pairs`` 2: of all pixels with all.
        window: side of the window.
        stride: pixels between windows.
        pairs: how many pixels a covariance has an index for.
    """
    for axis in (1, 2):
        k = _slide(k, [-axis] if pairs == 1 else [-axis, -axis - 2], window, stride)
    return k


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


def _slide(k: Tensor, axes: list[int], window: int, stride: int) -> Tensor:
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


def _along(k: Tensor, axes: list[int], part: slice) -> Tensor:
    """Return the same part along all ``axes``, as a view."""
    index = [slice(None)] * k.ndim
    for axis in axes:
        index[axis] = part
    return k[tuple(index)]
