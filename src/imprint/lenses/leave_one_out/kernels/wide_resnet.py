"""Wide residual network with 28 layers: block size 4, widening factor 1, before activation.

Convolution 3×3 → three groups of four blocks, the second and third group halving the image →
global average pool (the published 8×8 pool of 32×32 images) → dense. A block adds to its input,
or to a convolution of it in the first block of a group: activation, convolution (with the group's
stride), activation, convolution. Covariances of independent branches add.

No layer mixes displacements, so (HW/16)² of them are streamed in O(HW) memory.

Zagoruyko and Komodakis 2016, "Wide Residual Networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imprint.lenses.leave_one_out.kernels.covariances import Covariances
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.kernels.pixels import Activate, PixelKernel

WINDOW = 3
BLOCKS = 4
STRIDES = (1, 2, 2)


@KERNELS.register("wide_resnet")
@dataclass(frozen=True, kw_only=True)
class WideResNet(PixelKernel):
    """Convolution → 3 groups of 4 residual blocks → global average pool → dense."""

    pooled: ClassVar[bool] = True
    stride: ClassVar[int] = 4

    w_std: float = 1.0
    """Standard deviation of a weight times √fan_in; the published kernel has 1."""

    def layers(self, state: Covariances, activate: Activate) -> Covariances:
        """Return the covariances of the last group."""
        state = self.convolve(state, WINDOW)
        for stride in STRIDES:
            for block in range(BLOCKS):
                step = stride if block == 0 else 1
                branch = self.convolve(activate(state), WINDOW, step)
                branch = self.convolve(activate(branch), WINDOW)
                state = branch + (self.convolve(state, WINDOW, step) if block == 0 else state)
        return state
