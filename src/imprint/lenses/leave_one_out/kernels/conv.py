"""Convolutions, then flatten (``conv``) or a global average pool (``conv_pool``).

Each of ``depth`` convolutions is followed by the activation. Flatten needs covariances of a pixel
with the same pixel alone: O(HW) memory and time a pair and layer. The pool averages all (HW)²
covariances of a pair of images, streamed one row of displacements after another in O(HW²) memory
and (HW)² time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.kernels.pixels import StackedConvolutions


@KERNELS.register("conv")
@dataclass(frozen=True, kw_only=True)
class FlattenedConvolutions(StackedConvolutions):
    """``depth`` × (convolution with stride 1, activation) → flatten → dense."""

    window: int = 2
    """Side of the windows in pixels; the published kernels have 2."""


@KERNELS.register("conv_pool")
@dataclass(frozen=True, kw_only=True)
class PooledConvolutions(StackedConvolutions):
    """``depth`` × (convolution with stride 1, activation) → global average pool → dense."""

    pooled: ClassVar[bool] = True
