"""What is done to the colours of augmented images, in place and without new memory.

Images are float ``[b, C, H, W]`` in [0, 1], overwritten by every step; factors ``[b, 1, 1, 1]``.
A pass over an image that lies in the cache takes a thirtieth of the time of one into memory that
the system has to provide first, so every step writes into buffers that the next tile uses again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from imprint.core.errors import ImprintError
from imprint.data.augmentation import RGB

GREY_WEIGHTS = (0.299, 0.587, 0.114)


class Buffers:
    """Memory of one thread, by name; what a name held is lost when it is taken again."""

    def __init__(self) -> None:
        self._flat: dict[str, torch.Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
        """Return a contiguous tensor without values, of the type and device of another."""
        values = math.prod(shape)
        flat = self._flat.get(name)
        is_kept = flat is not None and (flat.dtype, flat.device) == (like.dtype, like.device)
        if flat is None or not is_kept or len(flat) < values:
            flat = self._flat[name] = torch.empty(values, dtype=like.dtype, device=like.device)
        return flat[:values].view(shape)

    def planes(self, name: str, images: torch.Tensor) -> torch.Tensor:
        """Return a tensor of one channel of the images' size."""
        return self.take(name, (len(images), 1, *images.shape[2:]), images)


def adjust_brightness(images: torch.Tensor, factor: torch.Tensor) -> None:
    """Multiply by ``factor``, up to 1."""
    images.mul_(factor).clamp_(max=1)


def adjust_contrast(images: torch.Tensor, factor: torch.Tensor) -> None:
    """Scale distances from the mean grey of each image, within [0, 1]."""
    centre = grey(images.mean(dim=(2, 3), keepdim=True))
    _blend(images, centre.mul_(1 - factor), factor)


def adjust_saturation(images: torch.Tensor, factor: torch.Tensor, buffers: Buffers) -> None:
    """Scale distances from the grey of each pixel, within [0, 1]."""
    centre = grey(images, buffers.planes("grey", images))
    _blend(images, centre.mul_(1 - factor), factor)


def _blend(images: torch.Tensor, weighted_centre: torch.Tensor, factor: torch.Tensor) -> None:
    images.mul_(factor).add_(weighted_centre).clamp_(0, 1)


def grey(images: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Return the luma of ``[b, C, H, W]`` as ``[b, 1, H, W]``, in ``out`` if it is given.

    Of 3 channels by ITU-R BT.601, of others their mean.
    """
    if images.shape[1] != RGB:
        return torch.mean(images, dim=1, keepdim=True, out=out)
    red, green, blue = images.chunk(3, dim=1)
    weight_red, weight_green, weight_blue = GREY_WEIGHTS
    luma = torch.mul(red, weight_red, out=out)
    return luma.add_(green, alpha=weight_green).add_(blue, alpha=weight_blue)


def turn_grey(images: torch.Tensor, buffers: Buffers) -> None:
    """Give all three channels the luma."""
    images.copy_(grey(images, buffers.planes("grey", images)).expand_as(images))


def turn_hue(images: torch.Tensor, turns: torch.Tensor, buffers: Buffers) -> None:
    """Turn the hue of HSV of RGB images; saturation and value stay.

    With h the hue in sixths of a turn, V the largest and v the smallest channel, the channels of
    the turned colour are v + (V − v) · clamp(·, 0, 1) of |h − 3| − 1, 2 − |h − 2| and
    2 − |h − 4| (red, green, blue): Smith 1978 in closed form.

    Args:
        images: ``[b, 3, H, W]``.
        turns: ``[b, 1, 1, 1]``, shares of a full turn.
        buffers: of this thread.
    """
    names = ("largest", "smallest", "inverse", "red", "green", "hue", "difference")
    largest, smallest, inverse, red_leads, green_leads, hue, difference = (
        buffers.planes(name, images) for name in names
    )
    red, green, blue = images.chunk(3, dim=1)
    torch.maximum(torch.maximum(red, green, out=largest), blue, out=largest)
    torch.minimum(torch.minimum(red, green, out=smallest), blue, out=smallest)
    # Sums of masked terms: half the time of torch.where on the CPU.
    torch.eq(red, largest, out=red_leads)
    torch.eq(green, largest, out=green_leads)
    torch.sub(green, blue, out=hue).mul_(red_leads)
    others_lead = red_leads.neg_().add_(1)
    green_leads.mul_(others_lead)
    hue.addcmul_(torch.sub(blue, red, out=difference), green_leads)
    blue_leads = others_lead.sub_(green_leads)
    hue.addcmul_(torch.sub(red, green, out=difference), blue_leads)
    chroma = largest.sub_(smallest)
    # A grey pixel has no hue; any divisor but 0 leaves it grey.
    torch.clamp(chroma, min=torch.finfo(images.dtype).tiny, out=inverse)
    hue.mul_(inverse.reciprocal_())
    hue.add_(green_leads, alpha=2).add_(blue_leads, alpha=4).add_(6 * turns)
    hue.sub_(torch.div(hue, 6, out=difference).floor_().mul_(6))
    torch.sub(hue, 3, out=images[:, 0:1]).abs_().sub_(1)
    torch.sub(hue, 2, out=images[:, 1:2]).abs_().neg_().add_(2)
    torch.sub(hue, 4, out=images[:, 2:3]).abs_().neg_().add_(2)
    images.clamp_(0, 1).mul_(chroma).add_(smallest)


def blur(
    images: torch.Tensor, sigma: torch.Tensor, kernel: Sequence[int], buffers: Buffers
) -> None:
    """Blur by Gaussians, each image with its own σ; edges are reflected.

    Args:
        images: ``[b, C, H, W]``.
        sigma: ``[b]``, standard deviations in pixels.
        kernel: taps of the horizontal and of the vertical kernel, odd.
        buffers: of this thread.

    Raises:
        ImprintError: half a kernel is not smaller than the image.
    """
    height, width = images.shape[2:]
    across, down = kernel
    if across // 2 >= width or down // 2 >= height:
        raise ImprintError(
            f"augmentation: a blur kernel of {across} × {down} reaches beyond images of "
            f"{width} × {height} pixels: choose a smaller blur_kernel or turn the blur off"
        )
    _convolve(images, sigma, across, 3, buffers)
    _convolve(images, sigma, down, 2, buffers)
    # Kernels sum to 1 up to rounding only.
    images.clamp_(max=1)


def _convolve(
    images: torch.Tensor, sigma: torch.Tensor, taps: int, axis: int, buffers: Buffers
) -> None:
    radius, length = taps // 2, images.shape[axis]
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True))[:, :, None]
    padded = _reflected(images, radius, axis, buffers)
    # One long run of values an image, in which a neighbour along the axis is a stride away: sums
    # across the padding are of no use, and dropped with it.
    values = padded.flatten(1)
    count, stride = values.shape[1], padded.stride(axis)
    blurred = buffers.take("blurred", tuple(padded.shape), images)
    inner = slice(radius * stride, count - radius * stride)
    sums = blurred.flatten(1)[:, inner]
    pair = buffers.take("pair", tuple(sums.shape), images)
    torch.mul(values[:, inner], kernel[:, radius], out=sums)
    for step in range(1, radius + 1):
        reach = step * stride
        before = values[:, inner.start - reach : inner.stop - reach]
        torch.add(before, values[:, inner.start + reach : inner.stop + reach], out=pair)
        sums.addcmul_(pair, kernel[:, radius + step])
    images.copy_(blurred.narrow(axis, radius, length))


def _reflected(images: torch.Tensor, radius: int, axis: int, buffers: Buffers) -> torch.Tensor:
    """Return images with ``radius`` more values at both ends of an axis, their mirror image."""
    shape, length = list(images.shape), images.shape[axis]
    shape[axis] += 2 * radius
    padded = buffers.take("padded", tuple(shape), images)
    padded.narrow(axis, radius, length).copy_(images)
    for step in range(1, radius + 1):
        padded.select(axis, radius - step).copy_(images.select(axis, step))
        last = radius + length - 1
        padded.select(axis, last + step).copy_(images.select(axis, length - 1 - step))
    return padded


def solarise(images: torch.Tensor, threshold: float, buffers: Buffers) -> None:
    """Replace every value from ``threshold`` on by 1 − value."""
    # |0 - x| = x and |1 - x| = 1 - x: exact, and a quarter of the time of torch.where on the CPU.
    mask = buffers.take("pair", tuple(images.shape), images)
    torch.ge(images, threshold, out=mask)
    torch.sub(mask, images, out=images).abs_()
