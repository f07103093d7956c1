"""Myrtle networks of 5, 7 and 10 layers: convolutions 3×3 with average pools 2×2 in between.

A convolution, then three blocks of convolutions, each convolution followed by the activation; an
average pool after the first and the second block, a global one after the third; dense. Pools mix
displacements, so covariances of all pixels with all are held: (HW)² values a pair, 8 MiB for 32×32
images, and as much for each single image, whose own covariances give the variances.

Shankar, Fang, Guo, Fridovich-Keil, Ragan-Kelley, Schmidt, Recht 2020, "Neural Kernels Without
Tangents"; the networks are Page's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.covariances import (
    ALL_PIXELS,
    Covariances,
    mean_pool,
)
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, check
from imprint.lenses.leave_one_out.kernels.pixels import Activate, ImageKernel
from imprint.lenses.leave_one_out.kernels.tiles import Footprint, PreparedInputs

WINDOW = 3
BLOCKS = {5: (1, 1, 1), 7: (1, 2, 2), 10: (2, 3, 3)}
"""Convolutions of each block, by depth."""


@KERNELS.register("myrtle")
@dataclass(frozen=True, kw_only=True)
class Myrtle(ImageKernel):
    """Images whose sides are multiples of 4 → Myrtle network → dense."""

    depth: int = 5
    """Layers: 5, 7 or 10."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.depth in BLOCKS, "depth", self.depth, "5, 7 or 10")

    def inputs(self, x: Tensor) -> Tensor:
        """Return ``[n, C, H, W]``, such that sums over channels are the first covariances."""
        x = super().inputs(x)
        if x.shape[-1] % 4 or x.shape[-2] % 4:
            raise ImprintError(
                f"kernel myrtle halves images twice, got {x.shape[-2]} × {x.shape[-1]} pixels: "
                "choose sides that are multiples of 4"
            )
        return x

    def layers(self, state: Covariances, activate: Activate) -> Covariances:
        """Return the covariances after the last activation."""
        state = activate(self.convolve(state, WINDOW))
        for number, convolutions in enumerate(BLOCKS[self.depth]):
            state = state if number == 0 else state.map(partial(mean_pool, side=2))
            for _ in range(convolutions):
                state = activate(self.convolve(state, WINDOW))
        return state

    def records(self, inputs: PreparedInputs) -> PreparedInputs:
        """Return the images with the variances ``[n, H, W]`` before each activation."""
        images = inputs.inputs
        variances: list[Tensor] = []

        def activate(state: Covariances) -> Covariances:
            k = state.k
            p = k.flatten(-4, -3).flatten(-2, -1).diagonal(dim1=-2, dim2=-1)
            variances.append(p.reshape(*p.shape[:-1], *k.shape[-2:]))
            before, behind = _of_pixels(variances[-1], variances[-1])
            return Covariances(self.dual(k, before, behind), ALL_PIXELS)

        self.layers(_all_pixels(images, images), activate)
        return PreparedInputs(images, tuple(variances))

    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel ``[r, c]``."""
        return self._covariance(
            rows.map(lambda values: values[:, None]), columns.map(lambda values: values[None])
        )

    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each image with itself, ``[n]``."""
        return self._covariance(records, records)

    def footprint(self, records: PreparedInputs) -> Footprint:
        """Return one value per pair of pixels; a graph keeps some arrays of them a layer."""
        values = records.inputs[0, 0].numel() ** 2
        return Footprint(values, values, 10 * values)

    def _covariance(self, one: PreparedInputs, other: PreparedInputs) -> Tensor:
        """Return the kernel of records whose leading dimensions broadcast."""
        variances = zip(one.variances, other.variances, strict=True)

        def activate(state: Covariances) -> Covariances:
            return self.activated(state, *_of_pixels(*next(variances)))

        last = self.layers(_all_pixels(one.inputs, other.inputs), activate)
        means = last.map(lambda k: k.mean(dim=(-4, -3, -2, -1)))
        return self.read_out(means.k, means.tangent)


def _of_pixels(p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Return variances of pixels of both images as they stand to all pixels with all."""
    return p[..., None, None], q[..., None, None, :, :]


def _all_pixels(one: Tensor, other: Tensor) -> Covariances:
    """Return inner products over channels of all pixels with all, ``[..., H, W, H, W]``."""
    flat = one.flatten(-2).mT @ other.flatten(-2)
    shape = *flat.shape[:-2], *one.shape[-2:], *other.shape[-2:]
    return Covariances(flat.reshape(shape), ALL_PIXELS)
