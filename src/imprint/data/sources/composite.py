"""The embedded data set: real digits in patches of real photographs, with a known truth.

Each image is a patch of one of scikit-learn's two sample photographs; a square tile at its left
or right edge holds one of scikit-learn's handwritten digits on the colour of its class. The box
is the tile. Tile and class belong together in every image; the patch behind it is drawn for this
image alone, except in a share ``background_correlation`` (ρ) of every class, where it comes from
a region of the photographs that belongs to the class.

So for every image it is known whether its background can give the class away without having
been seen: correlation must rise with ρ, and memorization must not.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator, uniforms
from imprint.data.imageset import ArrayImages

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIDE = 32
TILE = 18
LEAST_CONTRAST = 25.0


def composite(count: int = 960, background_correlation: float = 0.0, seed: int = 0) -> ArrayImages:
    """Return ``count`` composite images, 32 × 32 in colour, one box each.

    The class of image i is i mod 10. With the same seed, the correlated images at one ρ are a
    subset of those at any larger ρ, and everything else stays as it is.

    Args:
        count: number of images; digits repeat past 1,740 or so.
        background_correlation: ρ in [0, 1], the share of every class (rounded to whole images)
            whose patch comes from the region of the class.
        seed: of everything that is drawn.

    Raises:
        ImprintError: ρ outside [0, 1] or a count below 10.
    """
    if not 0 <= background_correlation <= 1:
        raise ImprintError(
            f"background_correlation is {background_correlation}: choose a share from 0 to 1"
        )
    if count < len(CLASSES):
        raise ImprintError(f"composite needs at least {len(CLASSES)} images, got {count}")
    index = np.arange(count, dtype=np.int64)
    labels = index % len(CLASSES)
    draws = uniforms(derive(seed, "composite"), index, 4)
    correlated = is_correlated(labels, background_correlation, seed)
    pixels = _backgrounds(labels, correlated, draws[:, 0])
    boxes = _paste_tiles(pixels, labels, draws[:, 1:], seed)
    return ArrayImages(
        pixels=pixels,
        labels=labels,
        classes=CLASSES,
        name="composite",
        object_boxes=list(boxes[:, None, :]),
    )


def is_correlated(labels: IntArray, background_correlation: float, seed: int) -> NDArray[np.bool_]:
    """Return which images have a background decided by their class: exactly ρ of every class."""
    rank = uniforms(derive(seed, "composite correlated"), np.arange(len(labels)), 1)[:, 0]
    chosen = np.zeros(len(labels), dtype=bool)
    for label in range(len(CLASSES)):
        members = np.flatnonzero(labels == label)
        first = members[np.argsort(rank[members])][: round(background_correlation * len(members))]
        chosen[first] = True
    return chosen


def _backgrounds(
    labels: IntArray, correlated: NDArray[np.bool_], draws: NDArray[np.float64]
) -> Pixels:
    """Cut one textured 32 × 32 patch an image; the region of a class is a tenth of the places.

    The places are sorted by photo and column, and each class owns as many, so the backgrounds
    of all classes together look the same at every ρ.
    """
    photo, top, left = _textured_places()
    start = np.where(correlated, labels / len(CLASSES), 0.0)
    share = np.where(correlated, 1 / len(CLASSES), 1.0)
    places = ((start + share * draws) * len(left)).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(_photos(), (SIDE, SIDE), axis=(2, 3))
    return np.ascontiguousarray(windows[photo[places], :, top[places], left[places]])


def _paste_tiles(
    pixels: Pixels, labels: IntArray, draws: NDArray[np.float64], seed: int
) -> IntArray:
    """Set a coloured tile with a digit into every image; return its boxes ``[n, 4]``."""
    count = len(labels)
    ink = _digits(labels, seed)[:, None]
    hue = (labels + 0.3 * (draws[:, 0] - 0.5)) / len(CLASSES)
    paper = _hue_to_rgb(hue)[:, :, None, None]
    tiles = (255 * (paper * (1 - ink) + (1 - paper) * 0.25 * ink)).round().astype(np.uint8)
    left = np.where(draws[:, 1] < 0.5, 0, SIDE - TILE)
    top = np.minimum((draws[:, 2] * (SIDE - TILE + 1)).astype(int), SIDE - TILE)
    rows = top[:, None] + np.arange(TILE)
    columns = left[:, None] + np.arange(TILE)
    images = np.arange(count)[:, None, None, None]
    channels = np.arange(3)[None, :, None, None]
    pixels[images, channels, rows[:, None, :, None], columns[:, None, None, :]] = tiles
    return np.stack([left, top, left + TILE, top + TILE], axis=1).astype(np.int64)


def _digits(labels: IntArray, seed: int) -> NDArray[np.float64]:
    """Return one digit of each label, a different one for each image, ``[n, 18, 18]`` in [0, 1]."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    strokes, kinds = bunch.images / 16.0, bunch.target
    chosen = np.empty(len(labels), dtype=np.int64)
    for label in range(len(CLASSES)):
        members = np.flatnonzero(labels == label)
        pool = generator(seed, "composite digits", label).permutation(
            np.flatnonzero(kinds == label)
        )
        chosen[members] = pool[np.arange(len(members)) % len(pool)]
    doubled = strokes[chosen].repeat(2, axis=1).repeat(2, axis=2)
    return np.pad(doubled, ((0, 0), (1, 1), (1, 1)))


def _hue_to_rgb(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fully saturated colours ``[n, 3]`` of hues on a circle of length 1."""
    offsets = np.array([0.0, 1 / 3, 2 / 3])
    distance = np.abs((hue[:, None] - offsets + 0.5) % 1 - 0.5)
    return np.asarray(np.clip(2 - 6 * distance, 0, 1))


@cache
def _photos() -> Pixels:
    """Return scikit-learn's two sample photographs, uint8 ``[2, 3, 427, 640]``."""
    from sklearn.datasets import load_sample_images

    return np.stack(load_sample_images().images).transpose(0, 3, 1, 2)


@cache
def _textured_places() -> tuple[IntArray, IntArray, IntArray]:
    """Return photo, top and left of every patch with enough texture to be told from others.

    In the order of photo, left, top.
    """
    brightness = _photos().mean(axis=1)
    mean, square = (_window_means(power) for power in (brightness, brightness**2))
    contrast = np.sqrt(np.maximum(square - mean**2, 0))
    photo, left, top = np.nonzero(contrast.transpose(0, 2, 1) > LEAST_CONTRAST)
    return photo, top, left


def _window_means(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of every 32 × 32 window of ``[p, H, W]`` from summed-area tables."""
    table = np.pad(images, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    sums = (
        table[:, SIDE:, SIDE:]
        - table[:, :-SIDE, SIDE:]
        - table[:, SIDE:, :-SIDE]
        + table[:, :-SIDE, :-SIDE]
    )
    return np.asarray(sums / SIDE**2)
