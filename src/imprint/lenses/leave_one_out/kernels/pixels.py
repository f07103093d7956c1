"""Convolutional kernels in O(HW) memory a pair of images.

Without pools between layers, the covariances of all pixel pairs (i, i + δ) evolve by themselves,
whatever their displacement δ. Flatten needs δ = 0 alone; a global average pool needs all of them,
one after another. Pixels i for which i + δ lies in the image too form a rectangle, outside of which
the covariances are zero: a convolution with zero padding of that rectangle.

With strides, displacements of the last layer's pixels are multiples of their product.

Novak, Xiao, Bahri, Lee, Yang, Abolafia, Pennington, Sohl-Dickstein 2019, "Bayesian Deep
Convolutional Networks with Many Channels are Gaussian Processes".
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.kernel import NetworkKernel, check
from imprint.lenses.leave_one_out.kernels.tiles import Footprint, PreparedInputs, recomputed

Activate = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class ImageKernel(NetworkKernel):
    """Images ``[n, C, H, W]`` → convolutions → one number per pair."""

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, C, H, W]``, such that sums over channels are the first covariances."""
        if x.ndim != 4:
            raise ImprintError(
                f"a kernel of convolutions takes images [n, C, H, W], got {list(x.shape)}"
            )
        return x * (self.input_scale / math.sqrt(x.shape[1]))

    @abstractmethod
    def layers(self, k: Tensor, activate: Activate) -> Tensor:
        """Return the covariances before the read-out.

        Args:
            k: covariances of the inputs' pixels.
            activate: what makes covariances after an activation of those before; called once an
                activation, always in the same order.
        """


@dataclass(frozen=True, kw_only=True)
class PixelKernel(ImageKernel):
    """Layers without pools in between, then flatten or a global average pool, then dense."""

    pooled: ClassVar[bool] = False
    """Whether a global average pool, not flatten, comes before the read-out."""
    stride: ClassVar[int] = 1
    """Product of all strides."""

    def records(self, inputs: PreparedInputs) -> PreparedInputs:
        """Return the images with the variances ``[n, H, W]`` before each activation."""
        variances: list[Tensor] = []

        def activate(p: Tensor) -> Tensor:
            variances.append(p)
            return self.dual.variance(p)

        self.layers(channel_product(inputs.inputs, inputs.inputs), activate)
        return PreparedInputs(inputs.inputs, tuple(variances))

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        return self._covariance(
            rows.map(lambda values: values[:, None]), columns.map(lambda values: values[None])
        )

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each image with itself, ``[n]``."""
        return self._covariance(records, records)

    def footprint(self, records: PreparedInputs) -> Footprint:
        """Return one value per pixel; of a graph no layer is kept if pooled, else some arrays."""
        pixels = records.inputs[0, 0].numel()
        if self.pooled:
            # A rectangle is a quarter of the image on average.
            return Footprint(pixels, max(1, pixels // 4), 0)
        return Footprint(pixels, pixels, 4 * pixels * max(1, len(records.variances)))

    def _covariance(self, one: PreparedInputs, other: PreparedInputs) -> Tensor:
        """Return the kernel of records whose leading dimensions broadcast."""
        height, width = one.inputs.shape[-2:]
        if not self.pooled:
            k = self._displaced(one, other, 0, 0)
            return self.affine(k.mean(dim=(-2, -1)))
        reach = [range(1 - size, size) for size in self._outputs(height, width)]
        term = self._displaced_sum
        if one.differentiable or other.differentiable:
            term = partial(recomputed, term)
        total = one.inputs.new_zeros(())
        for down, along in product(*reach):
            total = total + term(one, other, down, along)
        return self.affine(total, 1 / math.prod(self._outputs(height, width)) ** 2)

    def _outputs(self, height: int, width: int) -> tuple[int, int]:
        """Return the size of the last layer's image."""
        return -(-height // self.stride), -(-width // self.stride)

    def _displaced_sum(
        self, one: PreparedInputs, other: PreparedInputs, down: int, along: int
    ) -> Tensor:
        return self._displaced(one, other, down, along).sum(dim=(-2, -1))

    def _displaced(
        self, one: PreparedInputs, other: PreparedInputs, down: int, along: int
    ) -> Tensor:
        """Return last covariances of pixels i with pixels i + (down, along), ``[..., h, w]``."""
        height, width = one.inputs.shape[-2:]
        size = height - self.stride * abs(down), width - self.stride * abs(along)
        variances = zip(one.variances, other.variances, strict=True)

        def activate(k: Tensor) -> Tensor:
            p, q = next(variances)
            shape = k.shape[-2], k.shape[-1]
            return self.dual(k, _crop(p, shape, -down, -along), _crop(q, shape, down, along))

        images = _crop(one.inputs, size, -down, -along), _crop(other.inputs, size, down, along)
        return self.layers(channel_product(*images), activate)


@dataclass(frozen=True, kw_only=True)
class StackedConvolutions(PixelKernel):
    """``depth`` × (convolution with stride 1, activation)."""

    depth: int = 5
    """Convolutions."""
    window: int = 3
    """Side of their windows in pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.depth >= 1, "depth", self.depth, "at least 1")
        check(self.window >= 1, "window", self.window, "at least 1")

    def layers(self, k: Tensor, activate: Activate) -> Tensor:
        """Return the covariances after the last activation."""
        for _ in range(self.depth):
            k = activate(self.affine(window_sum(k, self.window), 1 / self.window**2))
        return k


def _crop(values: Tensor, size: tuple[int, int], down: int, along: int) -> Tensor:
    """Return a rectangle of ``[..., H, W]``: its low corner, or its high one where displaced."""
    rows = values.shape[-2] - size[0] if down > 0 else 0
    columns = values.shape[-1] - size[1] if along > 0 else 0
    return values[..., rows : rows + size[0], columns : columns + size[1]].contiguous()


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
