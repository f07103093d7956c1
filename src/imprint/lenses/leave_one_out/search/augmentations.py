"""Random changes of an image that leave what it shows: arrays ``[C, H, W]`` from 0 to 1.

Strengths are those of the publication where it has them: shifts of up to 5 of 32 pixels, quarter
turns, mirrored, and channels shifted by up to 5 of 255.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError

Augmentation = Callable[[FloatArray, np.random.Generator], FloatArray]
LEVEL = 5 / 255
"""Deviation of noise, and largest shift of a channel."""
SHARE = 0.2
"""Largest change of brightness and of contrast."""
SHIFT = 5 / 32
"""Largest shift as a share of the side."""


def shift(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Move an image by whole pixels, other than none; its edge is repeated."""
    height, width = image.shape[1:]
    reach = max(1, round(SHIFT * max(height, width)))
    down, right = 0, 0
    while down == right == 0:
        down, right = random.integers(-reach, reach + 1, size=2).tolist()
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    return padded[:, reach - down : reach - down + height, reach - right : reach - right + width]


def flip(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Mirror an image left to right."""
    del random
    return image[:, :, ::-1]


def rotate(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Turn a square image by 90° either way.

    Raises:
        ImprintError: it is not square.
    """
    if image.shape[1] != image.shape[2]:
        raise ImprintError(
            f"images of {image.shape[1]} × {image.shape[2]} pixels cannot be turned by 90°: leave "
            "rotate out of --augmentations"
        )
    turned: FloatArray = np.rot90(image, 1 if random.random() < 0.5 else -1, axes=(1, 2))
    return turned


def brightness(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Scale all pixels by 0.8 to 1.2."""
    return np.clip(image * random.uniform(1 - SHARE, 1 + SHARE), 0, 1)


def contrast(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Scale the distance of all pixels from the mean of the image by 0.8 to 1.2."""
    middle = float(image.mean())
    return np.clip(middle + (image - middle) * random.uniform(1 - SHARE, 1 + SHARE), 0, 1)


def channel_shift(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Add a number of up to 5/255 to each channel."""
    return np.clip(image + random.uniform(-LEVEL, LEVEL, size=(len(image), 1, 1)), 0, 1)


def noise(image: FloatArray, random: np.random.Generator) -> FloatArray:
    """Add normal noise of deviation 5/255 to each number."""
    return np.clip(image + LEVEL * random.normal(size=image.shape), 0, 1)


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "shift": shift,
    "flip": flip,
    "rotate": rotate,
    "brightness": brightness,
    "contrast": contrast,
    "channel_shift": channel_shift,
    "noise": noise,
}


def check_augmentations(names: Sequence[str]) -> None:
    """Check names of augmentations.

    Raises:
        ImprintError: none, or one that there is not.
    """
    unknown = next((name for name in names if name not in AUGMENTATIONS), None)
    if unknown is not None or not names:
        problem = "names none" if unknown is None else f"has no {unknown!r}"
        raise ImprintError(f"--augmentations {problem}: choose from {', '.join(AUGMENTATIONS)}")
