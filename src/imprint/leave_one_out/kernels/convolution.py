"""What convolutions and pools of infinitely many channels do to covariances between pixels."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import pad


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
    height, width = (size // side for size in k.shape[-2:])
    split = k.unflatten(-1, (width, side)).unflatten(-3, (height, side))
    split = split.unflatten(-5, (width, side)).unflatten(-7, (height, side))
    return split.mean(dim=(-1, -3, -5, -7))


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
    missing = max((outputs - 1) * stride + window - size, 0)
    margins = [0] * (2 * -min(axes))
    for axis in axes:
        margins[2 * (-axis - 1)] = missing // 2
        margins[2 * (-axis - 1) + 1] = missing - missing // 2
    padded = pad(k, margins)
    total = _offset(padded, axes, 0, outputs, stride)
    for offset in range(1, window):
        term = _offset(padded, axes, offset, outputs, stride)
        total = total + term if offset == 1 else total.add_(term)
    return total


def _offset(k: Tensor, axes: list[int], offset: int, outputs: int, stride: int) -> Tensor:
    """Return every ``stride``-th value from ``offset`` on along all ``axes``, as a view."""
    for axis in axes:
        index = [slice(None)] * k.ndim
        index[axis] = slice(offset, offset + (outputs - 1) * stride + 1, stride)
        k = k[tuple(index)]
    return k
