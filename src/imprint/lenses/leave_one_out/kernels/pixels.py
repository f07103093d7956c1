"""Convolutional kernels without pools between layers, in little memory a pair of images.

The covariances of all pixel pairs (i, i + δ) evolve by themselves, whatever their displacement δ.
Flatten needs δ = 0 alone; a global average pool needs all of them, one row of displacements after
another (:mod:`~imprint.lenses.leave_one_out.kernels.displaced_rows`), or one displacement after
another where images are large or strides leave most of a row out. Pixels i for which i + δ lies in
the image too form a rectangle, outside of which the covariances are zero: a convolution with zero
padding of that rectangle.

With strides, displacements of the last layer's pixels are multiples of their product.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import ClassVar, get_args

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.covariances import Covariances, channel_product
from imprint.lenses.leave_one_out.kernels.displaced_rows import (
    RowsOfPixels,
    last_rows,
    row_values,
)
from imprint.lenses.leave_one_out.kernels.kernel import (
    MAX_DEPTH,
    Limit,
    NetworkKernel,
    check,
)
from imprint.lenses.leave_one_out.kernels.tiles import Footprint, PreparedInputs, recomputed

Activate = Callable[[Covariances], Covariances]

MOST_ROW_VALUES = 1 << 22
"""Covariances of a row of displacements of one pair, 32 MiB: beyond, one displacement at a time."""


@dataclass(frozen=True, kw_only=True)
class ImageKernel(NetworkKernel):
    """Images ``[n, C, H, W]`` → convolutions → one number per pair."""

    limit: Limit = "nngp"
    """nngp: networks as initialised, or their last layer trained; ntk: all layers trained."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.limit in get_args(Limit), "limit", repr(self.limit), "nngp or ntk")

    @property
    def takes_slopes(self) -> bool:
        """Whether slopes of activations enter as well: in a neural tangent kernel."""
        return self.limit == "ntk"

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, C, H, W]``, such that sums over channels are the first covariances."""
        if x.ndim != 4:
            raise ImprintError(
                f"a kernel of convolutions takes images [n, C, H, W], got {list(x.shape)}"
            )
        return x * (self.input_scale / math.sqrt(x.shape[1]))

    @abstractmethod
    def layers(self, state: Covariances, activate: Activate) -> Covariances:
        """Return the covariances before the read-out.

        Args:
            state: covariances of the inputs' pixels.
            activate: what makes covariances after an activation of those before; called once an
                activation, always in the same order.
        """

    def convolve(self, state: Covariances, window: int, stride: int = 1) -> Covariances:
        """Return the covariances after a convolution."""
        sums = state.window_sum(window, stride)
        return self.weigh(sums.k, sums.tangent, 1 / window**2, state)

    def activated(self, state: Covariances, p: Tensor, q: Tensor) -> Covariances:
        """Return the covariances after an activation of units with variances p and q."""
        k = self.dual(state.k, p, q)
        if state.tangent is None:
            return Covariances(k, state.axes)
        slope = self.dual.slope(state.k, p, q)
        return Covariances(k, state.axes, state.tangent * slope)

    def weigh(
        self, k: Tensor, tangent: Tensor | None, share: float, like: Covariances
    ) -> Covariances:
        """Return what a layer of weights makes of ``share`` times k and the tangent."""
        k = self.affine(k, share)
        if self.limit == "nngp":
            return Covariances(k, like.axes)
        if tangent is None:
            return Covariances(k, like.axes, k)
        return Covariances(k, like.axes, torch.add(k, tangent, alpha=self.w_std**2 * share))

    def read_out(self, k: Tensor, tangent: Tensor | None, share: float = 1.0) -> Tensor:
        """Return the kernel after the last layer of weights."""
        last = self.weigh(k, tangent, share, Covariances(k))
        return last.k if last.tangent is None else last.tangent


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

        def activate(state: Covariances) -> Covariances:
            variances.append(state.k)
            return Covariances(self.dual.variance(state.k))

        self.layers(Covariances(channel_product(inputs.inputs, inputs.inputs)), activate)
        return PreparedInputs(inputs.inputs, tuple(variances))

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        if self._by_rows(rows):
            sums = self._summed_rows(
                rows.map(lambda values: values[None]),
                columns.map(lambda values: values[None]),
                same=rows is columns,
            )
            return self._pool(sums[:, 0], rows)
        return self._covariance(
            rows.map(lambda values: values[:, None]), columns.map(lambda values: values[None])
        )

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each image with itself, ``[n]``."""
        if self._by_rows(records):
            alone = records.map(lambda values: values[:, None])
            sums = self._summed_rows(alone, alone, same=True)
            return self._pool(sums[:, :, 0, 0], records)
        return self._covariance(records, records)

    def footprint(self, records: PreparedInputs) -> Footprint:
        """Return values of a row of displacements, or of one; if pooled, no graph keeps any."""
        pixels = records.inputs[0, 0].numel()
        width = records.inputs.shape[-1]
        if self._by_rows(records):
            return Footprint(pixels * width, max(1, pixels * width // 2), 0)
        if self.pooled:
            # A rectangle is a quarter of the image on average.
            return Footprint(pixels, max(1, pixels // 4), 0)
        return Footprint(pixels, pixels, 4 * pixels * max(1, len(records.variances)))

    def _by_rows(self, records: PreparedInputs) -> bool:
        values = records.inputs[0, 0].numel() * records.inputs.shape[-1]
        return self.pooled and self.stride == 1 and values <= MOST_ROW_VALUES

    def _summed_rows(self, one: PreparedInputs, other: PreparedInputs, same: bool) -> Tensor:
        """Return sums over all pixels of k, and of the tangent, ``[1 or 2, b, r, c]``.

        Args:
            one: images ``[b, r, ...]``.
            other: images ``[b, c, ...]``.
            same: whether these are the same, so that displacements up are those down transposed.
        """
        height, width = one.inputs.shape[-2:]
        before = one.map(lambda values: row_values(values, first=True))
        behind = other.map(lambda values: row_values(values, first=False))
        term = self._row_sum
        if one.differentiable or other.differentiable:
            term = partial(recomputed, term)
        total = term(before, behind, RowsOfPixels(height, width, 0))
        for down in range(1, height):
            lower = term(before, behind, RowsOfPixels(height, width, down))
            upper = lower.mT if same else term(before, behind, RowsOfPixels(height, width, -down))
            total = total + lower + upper
        return total

    def _row_sum(self, one: PreparedInputs, other: PreparedInputs, pixels: RowsOfPixels) -> Tensor:
        variances = zip(one.variances, other.variances, strict=True)

        def activate(state: Covariances) -> Covariances:
            p, q = next(variances)
            return self.activated(state, pixels.upper(p), pixels.lower(q))

        return last_rows(self.layers(pixels.covariances(one.inputs, other.inputs), activate))

    def _pool(self, sums: Tensor, records: PreparedInputs) -> Tensor:
        share = 1 / records.inputs[0, 0].numel() ** 2
        return self.read_out(sums[0], sums[1] if len(sums) > 1 else None, share)

    def _covariance(self, one: PreparedInputs, other: PreparedInputs) -> Tensor:
        """Return the kernel of records whose leading dimensions broadcast."""
        height, width = one.inputs.shape[-2:]
        if not self.pooled:
            means = self._displaced(one, other, 0, 0).map(lambda k: k.mean(dim=(-2, -1)))
            return self.read_out(means.k, means.tangent)
        reach = [range(1 - size, size) for size in self._outputs(height, width)]
        term = self._displaced_sum
        if one.differentiable or other.differentiable:
            term = partial(recomputed, term)
        total = one.inputs.new_zeros(())
        for down, along in product(*reach):
            total = total + term(one, other, down, along)
        share = 1 / math.prod(self._outputs(height, width)) ** 2
        return self.read_out(total[0], total[1] if len(total) > 1 else None, share)

    def _outputs(self, height: int, width: int) -> tuple[int, int]:
        """Return the size of the last layer's image."""
        return -(-height // self.stride), -(-width // self.stride)

    def _displaced_sum(
        self, one: PreparedInputs, other: PreparedInputs, down: int, along: int
    ) -> Tensor:
        last = self._displaced(one, other, down, along)
        parts = [last.k] if last.tangent is None else [last.k, last.tangent]
        return torch.stack([part.sum(dim=(-2, -1)) for part in parts])

    def _displaced(
        self, one: PreparedInputs, other: PreparedInputs, down: int, along: int
    ) -> Covariances:
        """Return last covariances of pixels i with pixels i + (down, along), ``[..., h, w]``."""
        height, width = one.inputs.shape[-2:]
        size = height - self.stride * abs(down), width - self.stride * abs(along)
        variances = zip(one.variances, other.variances, strict=True)

        def activate(state: Covariances) -> Covariances:
            p, q = next(variances)
            shape = state.k.shape[-2], state.k.shape[-1]
            upper, lower = _crop(p, shape, -down, -along), _crop(q, shape, down, along)
            return self.activated(state, upper, lower)

        images = _crop(one.inputs, size, -down, -along), _crop(other.inputs, size, down, along)
        return self.layers(Covariances(channel_product(*images)), activate)


@dataclass(frozen=True, kw_only=True)
class StackedConvolutions(PixelKernel):
    """``depth`` × (convolution with stride 1, activation)."""

    depth: int = 5
    """Convolutions."""
    window: int = 3
    """Side of their windows in pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(1 <= self.depth <= MAX_DEPTH, "depth", self.depth, f"from 1 to {MAX_DEPTH}")
        check(self.window >= 1, "window", self.window, "at least 1")

    def layers(self, state: Covariances, activate: Activate) -> Covariances:
        """Return the covariances after the last activation."""
        for _ in range(self.depth):
            state = activate(self.convolve(state, self.window))
        return state


def _crop(values: Tensor, size: tuple[int, int], down: int, along: int) -> Tensor:
    """Return a rectangle of ``[..., H, W]``: its low corner, or its high one where displaced."""
    rows = values.shape[-2] - size[0] if down > 0 else 0
    columns = values.shape[-1] - size[1] if along > 0 else 0
    return values[..., rows : rows + size[0], columns : columns + size[1]].contiguous()
