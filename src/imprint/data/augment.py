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
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.seeds import derive, uniforms
from imprint.data.augmentation import RGB, Augmentation
from imprint.data.colour_steps import (
    Buffers,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    blur,
    solarise,
    turn_grey,
    turn_hue,
)
from imprint.data.geometry import centre_squares, resample, whole_rectangles
from imprint.data.tile_threads import on_tiles

CROP_TRIES = 10
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

    def squares(rows: slice, buffers: Buffers) -> torch.Tensor:
        if shown_whole:
            mirrored = rectangles[rows, 0] > rectangles[rows, 2]
            return _mirror(_as_floats(pixels[rows], buffers), mirrored).div_(255)
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
        squares: float32 ``[b, C, S, S]`` in [0, 1], or uint8; not changed.
        settings: of this view, as given to :func:`crop_rectangles`.
        key: as given to :func:`crop_rectangles`.
        ids: int64 ``[b]``, indices of the images.

    Returns:
        float32 ``[b, C, S, S]`` in [0, 1], channels last in memory, same device.

    Raises:
        ImprintError: the blur's kernel reaches beyond the image.
    """

    def copies(rows: slice, buffers: Buffers) -> torch.Tensor:
        tile = _as_floats(squares[rows], buffers)
        return tile.div_(255) if squares.dtype == torch.uint8 else tile

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
    squares: Callable[[slice, Buffers], torch.Tensor],
    shape: tuple[int, ...],
    device: torch.device,
    settings: Augmentation,
    drawn: Parameters,
) -> torch.Tensor:
    """Return the views of squares that are made, and may be overwritten, tile by tile."""
    views = torch.empty(
        shape, dtype=torch.float32, device=device, memory_format=torch.channels_last
    )

    def make(rows: slice, buffers: Buffers) -> None:
        tile = squares(rows, buffers)
        if drawn.shift[rows].any():
            tile = _shift(tile, drawn.shift[rows], settings.padding)
        _recolour_tile(tile, settings, drawn, rows, buffers)
        views[rows] = tile

    on_tiles(make, list(_tiles(shape, device)), device)
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
    tile: torch.Tensor, settings: Augmentation, drawn: Parameters, rows: slice, buffers: Buffers
) -> None:
    coloured = tile.shape[1] == RGB
    with _part(tile, drawn.jittered[rows], buffers) as part:
        if part is not None:
            jittered = drawn.jittered[rows]

            def factors(values: FloatArray) -> torch.Tensor:
                return _column(values[rows][jittered], tile)

            adjust_brightness(part, factors(drawn.brightness))
            adjust_contrast(part, factors(drawn.contrast))
            if coloured:
                adjust_saturation(part, factors(drawn.saturation), buffers)
                turn_hue(part, factors(drawn.hue), buffers)
    with _part(tile, drawn.grey[rows] & coloured, buffers) as part:
        if part is not None:
            turn_grey(part, buffers)
    with _part(tile, drawn.blurred[rows], buffers) as part:
        if part is not None:
            sigma = torch.from_numpy(drawn.sigma[rows][drawn.blurred[rows]]).to(tile)
            blur(part, sigma, settings.blur_kernel, buffers)
    with _part(tile, drawn.solarised[rows], buffers) as part:
        if part is not None:
            solarise(part, settings.solarise_from, buffers)


@contextmanager
def _part(tile: torch.Tensor, mask: BoolArray, buffers: Buffers) -> Iterator[torch.Tensor | None]:
    """Give the rows of ``mask`` to be overwritten; None where there is none."""
    if not mask.any():
        yield None
        return
    if mask.all():
        yield tile
        return
    chosen = torch.from_numpy(np.flatnonzero(mask)).to(tile.device)
    if tile.is_contiguous():
        part = buffers.take("part", (len(chosen), *tile.shape[1:]), tile)
        torch.index_select(tile, 0, chosen, out=part)
    else:  # the order of its dimensions is that of its sums
        part = tile[chosen]
    yield part
    tile.index_copy_(0, chosen, part)


def _chosen(mask: BoolArray, tile: torch.Tensor) -> torch.Tensor | slice | None:
    """Return what selects the rows of ``mask``: None for no row, a slice for all."""
    if not mask.any():
        return None
    if mask.all():
        return slice(None)
    return torch.from_numpy(np.flatnonzero(mask)).to(tile.device)


def _column(values: FloatArray, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values).to(like)[:, None, None, None]


def _as_floats(images: torch.Tensor, buffers: Buffers) -> torch.Tensor:
    like = torch.empty(0, dtype=torch.float32, device=images.device)
    return buffers.take("tile", tuple(images.shape), like).copy_(images)


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
