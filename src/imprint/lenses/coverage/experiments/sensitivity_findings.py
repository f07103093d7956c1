"""Findings of ``coverage sensitivity``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class NoiseGain:
    """What noisy copies of the tests add to a criterion, in marks or in units of its value.

    Attributes:
        original: value of the tests alone.
        mark: by how much one mark (cell, section, neuron) raises the value; None where the
            criterion counts none.
        important: added by copies with noise on important pixels, mean over draws.
        random: likewise with noise on as many random pixels.
        difference: important less random, paired over draws.
        p: of no difference, two-sided, by exchanging the two of a draw.
        adjusted: p for all criteria together (Holm).
        duplicates: added by the tests themselves a second time; a sound criterion has 0.
    """

    original: float
    mark: float | None
    important: Estimate
    random: Estimate
    difference: Estimate
    p: float
    adjusted: float
    duplicates: float

    @property
    def share_of_both(self) -> Estimate | None:
        """The difference as a share of what both add (of their sizes, where coverage falls)."""
        both = abs(self.important.value) + abs(self.random.value)
        if not both:
            return None
        value, low, high = (
            end / both for end in (self.difference.value, self.difference.low, self.difference.high)
        )
        return Estimate(value, (low, high), self.difference.n)


@dataclass(frozen=True)
class NoiseAccuracy:
    """Accuracy on the tests and on their noisy copies, the latter means over draws."""

    original: Estimate
    important: Estimate
    random: Estimate


@dataclass(frozen=True)
class NoiseCell:
    """What noise adds with one share of noisy pixels and one deviation.

    Attributes:
        pixel_share: of the pixels of an image that get noise.
        budget: how many these are.
        deviation: of the noise, for pixels in [0, 1].
        accuracy: of the network.
        criteria: what important pixels add less what random ones do, as a share of both, by name.
    """

    pixel_share: float
    budget: int
    deviation: float
    accuracy: NoiseAccuracy
    criteria: Mapping[str, Estimate]


@dataclass(frozen=True)
class Sensitivity:
    """Whether criteria tell important pixels from others.

    Attributes:
        tests: images.
        pixels: attribution that says which pixels are important.
        budget: pixels of an image that get noise.
        image_pixels: of an image in all.
        deviation: of the noise, for pixels in [0, 1].
        draws: of the noise.
        accuracy: of the network.
        criteria: by name; or why one was not measured.
        grid: by share of pixels and deviation, where others were asked for.
    """

    tests: int
    pixels: str
    budget: int
    image_pixels: int
    deviation: float
    draws: int
    accuracy: NoiseAccuracy
    criteria: Mapping[str, NoiseGain | Missing]
    grid: tuple[NoiseCell, ...] = ()

    @property
    def measured(self) -> Mapping[str, NoiseGain]:
        """The criteria that were measured, the clearest difference first."""
        known = {k: v for k, v in self.criteria.items() if not isinstance(v, Missing)}

        def place(name: str) -> tuple[float, float, str]:
            gain = known[name]
            spread = gain.difference.high - gain.difference.low
            return gain.p, -abs(gain.difference.value) / (spread or 1.0), name

        return {name: known[name] for name in sorted(known, key=place)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why others were not."""
        return {k: v.missing for k, v in self.criteria.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class SensitivityFindings:
    """Findings of ``coverage sensitivity``."""

    sensitivity: Sensitivity
