"""Augmentation of whole batches on their device, each image with parameters of its own.

The parameters of an image depend on a key and its index alone
(:func:`imprint.core.seeds.uniforms`), never on the batch it is in. With a key derived from (seed,
epoch, view), the same image is augmented in the same way whatever the batch size, the order or the
number of processes.

Two ways in, one result:

- :func:`augment` — pixels already on the device, as uint8;
- :func:`crop_rectangles`, then ``ImageSet.read``, then :func:`recolour` — images read from disk,
  of which only the rectangle is decoded and resampled.

Order: crop and flip (one resampling), shift of a padded crop, brightness, contrast, saturation,
hue, grayscale, blur, solarise. The order of the four jitter steps is fixed, as are the grey
weights 0.299, 0.587, 0.114 (ITU-R BT.601). Images of other than 3 channels have no colour:
saturation, hue and grayscale leave them as they are, and their luma is the mean of their channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, uniforms
from imprint.data.augmentation import RGB, Augmentation
from imprint.data.geometry import centre_squares, resample, whole_rectangles

CROP_TRIES = 10
GREY_WEIGHTS = (0.299, 0.587, 0.114)
# Values a tile holds on the CPU: the dozen passes over it then run in the cache.
TILE_VALUES = 1 << 18


@dataclass(frozen=True)
class Parameters:
    """What is done to each image of a batch after its crop.

    Attributes:
        shift: int64 ``[b, 2]``, pixels to the right and down.
        jittered: bool ``[b]``, whether the four jitter parameters apply.
        brightness: float64 ``[b]``, factor.
        contrast: float64 ``[b]``, factor.
        saturation: float64 ``[b]``, factor.
        hue: float64 ``[b]``, turns in [−0.5, 0.5].
        grey: bool ``[b]``.
        blurred: bool ``[b]``.
        sigma: float64 ``[b]``, standard deviation of the blur in pixels.
        solarised: bool ``[b]``.
    """

    shift: IntArray
    jittered: BoolArray
    brightness: FloatArray
    contrast: FloatArray
    saturation: FloatArray
    hue: FloatArray
    grey: BoolArray
    blurred: BoolArray
    sigma: FloatArray
    solarised: BoolArray


def augment(
    pixels: torch.Tensor, settings: Augmentation, key: int, ids: ArrayLike, size: int
) -> torch.Tensor:
    """Return one augmented view of a batch that is on its device.

    Args:
        pixels: uint8 ``[b, C, H, W]``.
        settings: of this view.
        key: a seed from :func:`imprint.core.seeds.derive`, e.g. of (seed, "augment", epoch, view).
        ids: int64 ``[b]``, indices of the images.
        size: side of the result in pixels.

    Returns:
        float32 ``[b, C, size, size]`` in [0, 1], channels last in memory, same device.

    Raises:
        ImprintError: the blur's kernel reaches beyond the image.
    """
    count, channels, height, width = pixels.shape
    rectangles = crop_rectangles(settings, key, ids, np.tile([width, height], (count, 1)))
    shown_whole = settings.crop != "resized" and height == width == size

    def squares(rows: slice) -> torch.Tensor:
        if shown_whole:
            mirrored = rectangles[rows, 0] > rectangles[rows, 2]
            return _mirror(pixels[rows].to(torch.float32), mirrored).div_(255)
        part = resample(pixels[rows], rectangles[rows], size)
        # Rounded as images read from disk are, so that both ways in give the same view.
        return part.round_().clamp_(0, 255).div_(255)

    drawn = draw(settings, key, ids)
    return _views(squares, (count, channels, size, size), pixels.device, settings, drawn)


def recolour(
    squares: torch.Tensor, settings: Augmentation, key: int, ids: ArrayLike
) -> torch.Tensor:
    """Return squares read at their :func:`crop_rectangles` with everything else applied.

    Args:
        squares: float32 ``[b, C, S, S]`` in [0, 1]; not changed.
        settings: of this view, as given to :func:`crop_rectangles`.
        key: as given to :func:`crop_rectangles`.
        ids: int64 ``[b]``, indices of the images.

    Returns:
        float32 ``[b, C, S, S]`` in [0, 1], channels last in memory, same device.

    Raises:
        ImprintError: the blur's kernel reaches beyond the image.
    """

    def copies(rows: slice) -> torch.Tensor:
        return squares[rows].clone(memory_format=torch.contiguous_format)

    drawn = draw(settings, key, ids)
    return _views(copies, tuple(squares.shape), squares.device, settings, drawn)


def crop_rectangles(
    settings: Augmentation, key: int, ids: ArrayLike, sizes: ArrayLike
) -> FloatArray:
    """Return the rectangle of each image that its view shows, mirrored ones with x0 > x1.

    A resized crop draws an area, uniform in ``scale``, and a width / height, log-uniform in
    ``ratio``, up to ten times until the rectangle fits, then its place, uniformly; when none
    fits, the largest centred rectangle with a permitted ratio. This is the rule of Szegedy et
    al. 2015 as commonly implemented, without rounding to whole pixels. Other crops show the
    centre square; the shift of a padded crop follows in :func:`recolour`.

    Args:
        settings: of this view.
        key: a seed from :func:`imprint.core.seeds.derive`.
        ids: int64 ``[b]``, indices of the images.
        sizes: ``[b, 2]``, width and height of each image.

    Returns:
        float64 ``[b, 4]`` (x0, y0, x1, y1), for ``ImageSet.read`` or
        :func:`imprint.data.geometry.resample`.
    """
    if settings.crop == "resized":
        rectangles = _random_rectangles(settings, key, ids, np.asarray(sizes, dtype=np.float64))
    else:
        rectangles = centre_squares(whole_rectangles(sizes))
    mirrored = uniforms(derive(key, "flip"), ids, 1)[:, 0] < settings.flip
    return np.where(mirrored[:, None], rectangles[:, [2, 1, 0, 3]], rectangles)


def draw(settings: Augmentation, key: int, ids: ArrayLike) -> Parameters:
    """Return what is done to each image after its crop; a function of ``key`` and its id alone.

    Args:
        settings: of this view.
        key: a seed from :func:`imprint.core.seeds.derive`.
        ids: int64 ``[b]``, indices of the images.
    """
    chance = uniforms(derive(key, "apply"), ids, 4)
    amount = uniforms(derive(key, "amount"), ids, 7)
    padding = settings.padding if settings.crop == "padded" else 0
    least, greatest = settings.blur_sigma
    return Parameters(
        shift=np.floor(amount[:, 5:] * (2 * padding + 1)).astype(np.int64) - padding,
        jittered=chance[:, 0] < settings.jitter,
        brightness=_factors(amount[:, 0], settings.brightness),
        contrast=_factors(amount[:, 1], settings.contrast),
        saturation=_factors(amount[:, 2], settings.saturation),
        hue=(2 * amount[:, 3] - 1) * settings.hue,
        grey=chance[:, 1] < settings.grayscale,
        blurred=chance[:, 2] < settings.blur,
        sigma=least + amount[:, 4] * (greatest - least),
        solarised=chance[:, 3] < settings.solarise,
    )


def _factors(uniform: FloatArray, strength: float) -> FloatArray:
    """Return factors uniform in [max(0, 1 − strength), 1 + strength]."""
    least = max(0.0, 1 - strength)
    return least + uniform * (1 + strength - least)


def _random_rectangles(
    settings: Augmentation, key: int, ids: ArrayLike, sizes: FloatArray
) -> FloatArray:
    uniform = uniforms(derive(key, "crop"), ids, 2 * CROP_TRIES + 2)
    low, high = settings.scale
    area = sizes.prod(axis=1, keepdims=True) * (low + uniform[:, :CROP_TRIES] * (high - low))
    low, high = np.log(settings.ratio)
    ratio = np.exp(low + uniform[:, CROP_TRIES:-2] * (high - low))
    tried = np.sqrt(np.stack([area * ratio, area / ratio], axis=2))
    fits = (tried <= sizes[:, None]).all(axis=2)
    first = np.take_along_axis(tried, fits.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    narrowest, widest = settings.ratio
    fallback = np.minimum(sizes, sizes[:, ::-1] * np.array([widest, 1 / narrowest]))
    has_fit = fits.any(axis=1)[:, None]
    sides = np.where(has_fit, first, fallback)
    corner = np.where(has_fit, uniform[:, -2:], 0.5) * (sizes - sides)
    # A crop at the far border may pass it by one rounding.
    return np.concatenate([corner, np.minimum(corner + sides, sizes)], axis=1)


def _views(
    squares: Callable[[slice], torch.Tensor],
    shape: tuple[int, ...],
    device: torch.device,
    settings: Augmentation,
    drawn: Parameters,
) -> torch.Tensor:
    """Return the views of squares that are made, and may be overwritten, tile by tile."""
    views = torch.empty(
        shape, dtype=torch.float32, device=device, memory_format=torch.channels_last
    )
    for rows in _tiles(shape, device):
        tile = squares(rows)
        if drawn.shift[rows].any():
            tile = _shift(tile, drawn.shift[rows], settings.padding)
        _recolour_tile(tile, settings, drawn, rows)
        views[rows] = tile
    return views


def _tiles(shape: tuple[int, ...], device: torch.device) -> Iterator[slice]:
    """Yield the rows of each tile: a few images a time on the CPU, else all at once."""
    step = shape[0]
    if device.type == "cpu":
        step = TILE_VALUES // math.prod(shape[1:])
    step = max(1, step)
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def _recolour_tile(
    tile: torch.Tensor, settings: Augmentation, drawn: Parameters, rows: slice
) -> None:
    coloured = tile.shape[1] == RGB
    if (chosen := _chosen(drawn.jittered[rows], tile)) is not None:

        def factors(values: FloatArray) -> torch.Tensor:
            return _column(values[rows][drawn.jittered[rows]], tile)

        part = adjust_brightness(tile[chosen], factors(drawn.brightness))
        part = adjust_contrast(part, factors(drawn.contrast))
        if coloured:
            part = adjust_saturation(part, factors(drawn.saturation))
            part = turn_hue(part, factors(drawn.hue))
        tile[chosen] = part
    if coloured and (chosen := _chosen(drawn.grey[rows], tile)) is not None:
        tile[chosen] = grey(tile[chosen]).expand(-1, 3, -1, -1)
    if (chosen := _chosen(drawn.blurred[rows], tile)) is not None:
        sigma = torch.from_numpy(drawn.sigma[rows][drawn.blurred[rows]]).to(tile)
        tile[chosen] = blur(tile[chosen], sigma, *settings.blur_kernel)
    if (chosen := _chosen(drawn.solarised[rows], tile)) is not None:
        tile[chosen] = solarise(tile[chosen], settings.solarise_from)


def _chosen(mask: BoolArray, tile: torch.Tensor) -> torch.Tensor | slice | None:
    """Return what selects the rows of ``mask``: None for no row, a slice for all."""
    if not mask.any():
        return None
    if mask.all():
        return slice(None)
    return torch.from_numpy(np.flatnonzero(mask)).to(tile.device)


def _column(values: FloatArray, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values).to(like)[:, None, None, None]


def adjust_brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return ``images · factor``, at most 1; images ``[b, C, H, W]``, factor ``[b, 1, 1, 1]``."""
    return (images * factor).clamp_(max=1)


def adjust_contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return images with distances from their mean grey scaled, clamped to [0, 1]."""
    channel_means = images.mean(dim=(2, 3), keepdim=True)
    return _blend(images, grey(channel_means), factor)


def adjust_saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return images with distances from each pixel's grey scaled, clamped to [0, 1]."""
    return _blend(images, grey(images), factor)


def _blend(images: torch.Tensor, centre: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return (images * factor).add_(centre * (1 - factor)).clamp_(0, 1)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return the luma of ``[b, C, H, W]`` as ``[b, 1, H, W]``.

    Of 3 channels by ITU-R BT.601, of others their mean.
    """
    if images.shape[1] != RGB:
        return images.mean(dim=1, keepdim=True)
    red, green, blue = images.chunk(3, dim=1)
    weight_red, weight_green, weight_blue = GREY_WEIGHTS
    return (red * weight_red).add_(green, alpha=weight_green).add_(blue, alpha=weight_blue)


def turn_hue(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Return RGB images with the hue of HSV turned and saturation and value kept.

    With h the hue in sixths of a turn, V the largest and v the smallest channel, the channels of
    the turned colour are v + (V − v) · clamp(·, 0, 1) of |h − 3| − 1, 2 − |h − 2| and
    2 − |h − 4| (red, green, blue): Smith 1978 in closed form.

    Args:
        images: ``[b, 3, H, W]`` in [0, 1].
        turns: ``[b, 1, 1, 1]``, shares of a full turn.
    """
    red, green, blue = images.chunk(3, dim=1)
    largest = torch.maximum(torch.maximum(red, green), blue)
    smallest = torch.minimum(torch.minimum(red, green), blue)
    chroma = largest - smallest
    # A grey pixel has no hue; any divisor but 0 leaves it grey.
    inverse = chroma.clamp(min=torch.finfo(images.dtype).tiny).reciprocal_()
    # Sums of masked terms: half the time of torch.where on the CPU.
    red_leads = (red == largest).to(images.dtype)
    green_leads = (green == largest).to(images.dtype).mul_(1 - red_leads)
    blue_leads = 1 - red_leads - green_leads
    hue = (green - blue).mul_(red_leads)
    hue.addcmul_(blue - red, green_leads).addcmul_(red - green, blue_leads).mul_(inverse)
    hue.add_(green_leads, alpha=2).add_(blue_leads, alpha=4).add_(6 * turns)
    hue.sub_((hue / 6).floor_().mul_(6))
    shares = torch.empty_like(images)
    torch.sub(hue, 3, out=shares[:, 0:1]).abs_().sub_(1)
    torch.sub(hue, 2, out=shares[:, 1:2]).abs_().neg_().add_(2)
    torch.sub(hue, 4, out=shares[:, 2:3]).abs_().neg_().add_(2)
    shares.clamp_(0, 1)
    return shares.mul_(chroma).add_(smallest)


def blur(images: torch.Tensor, sigma: torch.Tensor, across: int, down: int) -> torch.Tensor:
    """Return images blurred by Gaussians, each with its own σ; edges are reflected.

    Args:
        images: ``[b, C, H, W]``.
        sigma: ``[b]``, standard deviations in pixels.
        across: taps of the horizontal kernel, odd.
        down: taps of the vertical kernel, odd.

    Raises:
        ImprintError: half a kernel is not smaller than the image.
    """
    height, width = images.shape[2:]
    if across // 2 >= width or down // 2 >= height:
        raise ImprintError(
            f"augmentation: a blur kernel of {across} × {down} reaches beyond images of "
            f"{width} × {height} pixels: choose a smaller blur_kernel or turn the blur off"
        )
    # Kernels sum to 1 up to rounding only.
    return _convolve(_convolve(images, sigma, across, axis=3), sigma, down, axis=2).clamp_(max=1)


def _convolve(images: torch.Tensor, sigma: torch.Tensor, taps: int, axis: int) -> torch.Tensor:
    radius, length = taps // 2, images.shape[axis]
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True))[:, :, None, None, None]
    padding = (radius, radius, 0, 0) if axis == 3 else (0, 0, radius, radius)
    padded = torch.nn.functional.pad(images, padding, mode="reflect")
    blurred = images * kernel[:, radius]
    for step in range(1, radius + 1):
        pair = padded.narrow(axis, radius - step, length) + padded.narrow(
            axis, radius + step, length
        )
        blurred.addcmul_(pair, kernel[:, radius + step])
    return blurred


def solarise(images: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return images with every value from ``threshold`` on replaced by 1 − value."""
    # |0 - x| = x and |1 - x| = 1 - x: exact, and a quarter of the time of torch.where on the CPU.
    return (images >= threshold).to(images.dtype).sub_(images).abs_()


def _mirror(images: torch.Tensor, mirrored: BoolArray) -> torch.Tensor:
    chosen = _chosen(mirrored, images)
    if chosen is not None:
        images[chosen] = images[chosen].flip(3)
    return images


def _shift(images: torch.Tensor, shift: IntArray, padding: int) -> torch.Tensor:
    """Return images moved by whole pixels, right and down; what comes in is 0."""
    size = images.shape[2:]
    padded = torch.nn.functional.pad(images, (padding,) * 4)
    windows = padded.unfold(2, size[0], 1).unfold(3, size[1], 1)
    right, down = torch.from_numpy(padding - shift).to(images.device).unbind(1)
    rows = torch.arange(len(images), device=images.device)
    return windows[rows, :, down, right]
