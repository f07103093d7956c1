"""Convolutions, then flatten: only covariances of a pixel with the same pixel are needed.

Each of ``depth`` convolutions is followed by the activation; the read-out averages the covariances
of equal pixels. O(HW) memory and time a pair and layer.
"""

from __future__ import annotations

from dataclasses import dataclass

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.kernels.pixels import StackedConvolutions


@KERNELS.register("conv")
@dataclass(frozen=True, kw_only=True)
class FlattenedConvolutions(StackedConvolutions):
    """``depth`` × (convolution with stride 1, activation) → flatten → dense."""

    window: int = 2
    """Side of the windows in pixels; the published kernels have 2."""
