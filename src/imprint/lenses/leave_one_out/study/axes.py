"""Arrays of images for kernels that look at neighbouring pixels: which axis holds the channels.

A kernel of convolutions takes ``[n, C, H, W]``. Images saved as ``[n, H, W, C]`` fit it as well, as
images of H channels, so the order is recognised by the shape or stated by the user, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.axis_order import LAST, Order, channel_order
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS
from imprint.lenses.leave_one_out.kernels.pixels import ImageKernel


@dataclass(frozen=True)
class ImageAxes:
    """What the axes of an array of images are.

    Attributes:
        order: where the file has the channels.
        recognised: whether by the shape, not by the user.
        shape: C, H, W.
    """

    order: Order
    recognised: bool
    shape: tuple[int, int, int]

    def __str__(self) -> str:
        channels, height, width = self.shape
        how = "recognised by the shape" if self.recognised else "by --channels"
        return f"{channels} × {height} × {width}, channels {self.order} ({how})"


def image_axes(file: Path, x: FloatArray, kernel: str, channels: Order | None) -> ImageAxes | None:
    """Return the axes of ``x``; None where the kernel takes no images.

    Args:
        file: named in errors.
        x: inputs ``[n, ...]``.
        kernel: its name.
        channels: as the user states them; None to recognise them.

    Raises:
        ImprintError: an ambiguous shape, no images for a kernel of images, or ``channels`` for a
            kernel without images.
    """
    if not issubclass(KERNELS.get(kernel), ImageKernel):
        if channels is not None:
            raise ImprintError(
                f"--channels does not apply to kernel {kernel}, which takes inputs as rows "
                "of numbers: leave it out"
            )
        return None
    shown = list(x.shape)
    if x.ndim != 4:
        raise ImprintError(
            f"{file}: x has shape {shown}, but kernel {kernel} takes images: save it as "
            "[n, C, H, W] or [n, H, W, C]"
        )
    order = channels or channel_order(x.shape)
    if order is None:
        raise ImprintError(
            f"{file}: x has shape {shown}, images of {shown[1]} channels if these come first and "
            f"of {shown[3]} if last: give --channels first or --channels last"
        )
    _, first, second, third = x.shape
    shape = (third, first, second) if order == LAST else (first, second, third)
    return ImageAxes(order, channels is None, shape)


def channels_first(values: FloatArray, axes: ImageAxes) -> FloatArray:
    """Return images ``[n, C, H, W]`` of values in either order.

    The shape of the records decides; where it fits both orders, that of the records' file holds.
    Other shapes are returned as they are.
    """
    channels, height, width = axes.shape
    last = (height, width, channels)
    if values.shape[1:] == last and (axes.order == LAST or last != axes.shape):
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return values
