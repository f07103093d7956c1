"""Copies of images with noise on their important pixels, and on as many random others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray, Pixels
from imprint.core.seeds import derive, generator
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.perturb.important_pixels import pixel_importance
from imprint.perturb.neuron_heat import neuron_heat
from imprint.perturb.noise import (
    Inputs,
    add_noise,
    leading_pixels,
    noise_values,
    other_pixels,
    pixel_budget,
)

Part = Literal["important", "random"]
PARTS: tuple[Part, Part] = ("important", "random")
PixelScores = Callable[[ImageModel, Inputs, IntArray], NDArray[np.float32]]
"""Scores ``[n, H, W]`` of the pixels of inputs in [0, 1], and which images these are."""
CHUNK = 256
"""Images at a time; noise is drawn chunk by chunk."""


@dataclass(frozen=True, eq=False)
class NoisyCopies:
    """Noise on important pixels of images, and on as many random others.

    Attributes:
        pixels: uint8 ``[n, channels, S, S]``.
        mask: bool ``[n, S, S]``, the important pixels.
        budget: how many of an image.
        deviation: of the noise.
        seed: of all draws.
    """

    pixels: Pixels
    mask: BoolArray
    budget: int
    deviation: float
    seed: int

    def batches(self, draw: int, part: Part) -> Iterator[Inputs]:
        """Yield the noisy images of a draw, float32 ``[b, channels, S, S]`` in [0, 1].

        Important and random pixels of a draw get the same values of noise.
        """
        noise = generator(self.seed, "pixel noise", draw)
        places = generator(self.seed, "noisy pixels", draw)
        for start in range(0, len(self.pixels), CHUNK):
            rows = slice(start, start + CHUNK)
            inputs, mask = _inputs(self.pixels[rows]), self.mask[rows]
            values = noise_values((*inputs.shape[:2], self.budget), self.deviation, noise)
            if part == "random":
                mask = other_pixels(mask, places)
            yield add_noise(inputs, mask, values)


def by_attribution(method: str, seed: int) -> PixelScores:
    """Return what scores pixels by an attribution of the predicted class."""
    own = derive(seed, "important pixels")
    return lambda model, inputs, ids: pixel_importance(model, inputs, ids, method, own)


def by_neurons(weights: Mapping[str, FloatArray]) -> PixelScores:
    """Return what scores pixels by where neurons are active, of weights by layer."""
    return lambda model, inputs, ids: neuron_heat(model, inputs, weights)


def noisy_copies(
    model: ImageModel, view: View, scores: PixelScores, share: float, deviation: float, seed: int
) -> NoisyCopies:
    """Return how images get noise on the pixels that are important for the predicted class.

    Args:
        model: a classifier.
        view: images.
        scores: says which pixels are important.
        share: of the pixels of an image that get noise.
        deviation: of the noise, for pixels in [0, 1].
        seed: of everything random.

    Raises:
        ImprintError: no classifier, or an attribution that gives no value a pixel.
    """
    pixels = view.read(model.input_size).pixels
    budget = pixel_budget(pixels.shape[2], pixels.shape[3], share)
    masks = []
    for start in range(0, len(pixels), CHUNK):
        rows = slice(start, start + CHUNK)
        inputs, ids = _inputs(pixels[rows]), view.index[rows]
        masks.append(leading_pixels(scores(model, inputs, ids), budget))
    return NoisyCopies(pixels, np.concatenate(masks), budget, deviation, seed)


def _inputs(pixels: Pixels) -> Inputs:
    return pixels.astype(np.float32) / np.float32(255)
