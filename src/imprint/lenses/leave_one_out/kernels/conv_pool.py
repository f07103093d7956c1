"""Convolutions, then a global average pool: covariances of all pixels with all.

The read-out averages all (HW)² covariances of a pair of images, streamed displacement by
displacement in O(HW) memory; time (HW)² a pair and layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.kernels.pixels import StackedConvolutions


@KERNELS.register("conv_pool")
@dataclass(frozen=True, kw_only=True)
class PooledConvolutions(StackedConvolutions):
    """``depth`` × (convolution with stride 1, activation) → global average pool → dense."""

    pooled: ClassVar[bool] = True
