"""How strongly one view of an image is augmented: settings alone, no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.study.option_types import Integers, Numbers

RGB = 3
Probability = Annotated[float, Bounds(least=0, most=1)]


@dataclass(frozen=True)
class Augmentation(Checked):
    """How one view is made: crop, flip, jitter, grayscale, blur, solarise, in this order."""

    crop: Literal["resized", "padded", "none"] = "resized"
    """Random resized crop, zero-padded random crop, or none."""
    scale: Numbers = (0.08, 1.0)
    """Minimum and maximum area of a resized crop, as shares of the image."""
    ratio: Numbers = (3 / 4, 4 / 3)
    """Minimum and maximum aspect ratio, width / height, of a resized crop."""
    padding: Annotated[int, Bounds(least=0)] = 4
    """Zero padding of a padded crop, in pixels of the view."""
    flip: Probability = 0.5
    """Probability of a horizontal flip."""
    jitter: Probability = 0.0
    """Probability of colour jitter."""
    brightness: Annotated[float, Bounds(least=0)] = 0.4
    """Jitter multiplies by a factor in 1 ± brightness."""
    contrast: Annotated[float, Bounds(least=0)] = 0.4
    """Jitter scales the distance from the mean grey by a factor in 1 ± contrast."""
    saturation: Annotated[float, Bounds(least=0)] = 0.2
    """Jitter scales the distance from each pixel's grey by a factor in 1 ± saturation."""
    hue: Annotated[float, Bounds(least=0, most=0.5)] = 0.1
    """Jitter shifts the hue by up to ± hue of a full turn."""
    grayscale: Probability = 0.0
    """Probability of conversion to grayscale."""
    blur: Probability = 0.0
    """Probability of a Gaussian blur."""
    blur_sigma: Numbers = (0.1, 2.0)
    """Minimum and maximum standard deviation of the blur, in pixels of the view."""
    blur_kernel: Integers = (9, 9)
    """Width and height of the blur kernel, odd; it is normalised to sum to 1."""
    solarise: Probability = 0.0
    """Probability of solarisation, which inverts all values from solarise_from on."""
    solarise_from: Probability = 128 / 255
    """Threshold of solarisation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_range(self.scale, most=1.0):
            raise OptionError.of(self, "scale", "be MINIMUM,MAXIMUM in (0, 1]")
        for name in ("ratio", "blur_sigma"):
            if not _is_range(getattr(self, name)):
                raise OptionError.of(self, name, "be MINIMUM,MAXIMUM above 0")
        taps = self.blur_kernel
        if len(taps) != 2 or not all(count > 0 and count % 2 == 1 for count in taps):
            raise OptionError.of(self, "blur_kernel", "be two odd numbers, ACROSS,DOWN")

    def left_out(self, channels: int) -> tuple[str, ...]:
        """Return the settings that change nothing, since images of so many channels have no colour.

        Saturation, hue and grayscale are defined for red, green and blue.
        """
        if channels == RGB:
            return ()
        jittered = ("saturation", "hue") if self.jitter else ()
        return tuple(name for name in (*jittered, "grayscale") if getattr(self, name))


def _is_range(bounds: tuple[float, ...], most: float = inf) -> bool:
    return len(bounds) == 2 and 0 < bounds[0] <= bounds[1] <= most and isfinite(bounds[1])


UNCHANGED = Augmentation(crop="none", flip=0.0)
"""The centre square as it is."""

PAD_AND_FLIP = Augmentation(crop="padded")
"""Shift by up to 4 pixels over black, flip: supervised training on small images."""

FIRST_VIEW = Augmentation(jitter=0.8, grayscale=0.2, blur=1.0, blur_kernel=(5, 9))
"""First view of self-supervised training (Meehan et al. 2023), there with one σ a batch."""

SECOND_VIEW = Augmentation(jitter=0.8, grayscale=0.2, solarise=0.2)
"""Second view of self-supervised training (Meehan et al. 2023)."""

SMALL_VIEW = Augmentation(scale=(0.2, 1.0), jitter=0.8, grayscale=0.2)
"""Either view of images of some 32 pixels, which a blur would erase."""
