"""How strongly one view of an image is augmented: settings alone, no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from imprint.core.errors import ImprintError
from imprint.study.option_types import Integers, Numbers

RGB = 3
PROBABILITIES = ("flip", "jitter", "grayscale", "blur", "solarise")
STRENGTHS = ("brightness", "contrast", "saturation")


@dataclass(frozen=True)
class Augmentation:
    """How one view is made: crop, flip, jitter, grayscale, blur, solarise, in this order."""

    crop: Literal["resized", "padded", "none"] = "resized"
    """A random rectangle; the centre square shifted over black by up to padding; or as it is."""
    scale: Numbers = (0.08, 1.0)
    """Least and greatest area of the rectangle, as shares of the image."""
    ratio: Numbers = (3 / 4, 4 / 3)
    """Least and greatest width / height of the rectangle."""
    padding: int = 4
    """Greatest shift of a padded crop, in pixels of the view."""
    flip: float = 0.5
    """Probability of mirroring left to right."""
    jitter: float = 0.0
    """Probability of colour jitter."""
    brightness: float = 0.4
    """Jitter multiplies by a factor in 1 ± brightness."""
    contrast: float = 0.4
    """Jitter scales the distance from the mean grey by a factor in 1 ± contrast."""
    saturation: float = 0.2
    """Jitter scales the distance from each pixel's grey by a factor in 1 ± saturation."""
    hue: float = 0.1
    """Jitter turns the hue by up to ± hue of a full turn, at most 0.5."""
    grayscale: float = 0.0
    """Probability of dropping the colour."""
    blur: float = 0.0
    """Probability of a Gaussian blur."""
    blur_sigma: Numbers = (0.1, 2.0)
    """Least and greatest standard deviation of the blur, in pixels of the view."""
    blur_kernel: Integers = (9, 9)
    """Taps across and down, odd; the Gaussian is cut off beyond and made to sum to 1."""
    solarise: float = 0.0
    """Probability of inverting all values from solarise_from on."""
    solarise_from: float = 128 / 255
    """Least value that solarising inverts, in [0, 1]."""

    def __post_init__(self) -> None:
        for name in PROBABILITIES:
            self._require(name, 0 <= getattr(self, name) <= 1, "lie in [0, 1]")
        for name in STRENGTHS:
            self._require(name, 0 <= getattr(self, name) < inf, "be finite and not negative")
        self._require(
            "crop", self.crop in ("resized", "padded", "none"), "be resized, padded or none"
        )
        self._require("hue", 0 <= self.hue <= 0.5, "lie in [0, 0.5]")
        self._require("padding", self.padding >= 0, "not be negative")
        self._require("solarise_from", 0 <= self.solarise_from <= 1, "lie in [0, 1]")
        self._require("scale", _is_range(self.scale, most=1.0), "be LEAST,GREATEST in (0, 1]")
        self._require("ratio", _is_range(self.ratio), "be LEAST,GREATEST above 0")
        self._require("blur_sigma", _is_range(self.blur_sigma), "be LEAST,GREATEST above 0")
        taps = self.blur_kernel
        odd = len(taps) == 2 and all(count > 0 and count % 2 == 1 for count in taps)
        self._require("blur_kernel", odd, "be two odd numbers, ACROSS,DOWN")

    def left_out(self, channels: int) -> tuple[str, ...]:
        """Return the settings that change nothing, since images of so many channels have no colour.

        Saturation, hue and grayscale are defined for red, green and blue.
        """
        if channels == RGB:
            return ()
        jittered = ("saturation", "hue") if self.jitter else ()
        return tuple(name for name in (*jittered, "grayscale") if getattr(self, name))

    def _require(self, name: str, holds: bool, demand: str) -> None:
        if not holds:
            raise ImprintError(f"augmentation: {name} is {getattr(self, name)!r}: it must {demand}")


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
