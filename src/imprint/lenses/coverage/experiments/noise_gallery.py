"""Pictures of a few tests: where the noise of a sensitivity study goes, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imprint.core.arrays import BoolArray, IntArray, Pixels
from imprint.data.picture import shown_channels, to_picture
from imprint.lenses.coverage.experiments.noise_gains import MeasureNoise
from imprint.perturb.noise import Inputs
from imprint.perturb.noisy_copies import PARTS, noisy_copies
from imprint.probe.neurons.input_activations import take_input_activations
from imprint.report.gallery import Card, CardPicture, write_gallery
from imprint.report.pictures import CARD_SIDE
from imprint.study.counted import uncounted
from imprint.study.step import Step

PICTURED = 12
HEAT = (213, 94, 0)
STRONGEST = 0.9
FADED = 0.55
"""How much of the image is left under its heat; the rest is white."""


@dataclass(frozen=True)
class SaveNoisyPictures(Step):
    """``gallery/sensitivity``: a card a test, of all classes in turn, with one draw of the noise.

    The noise is drawn for these tests alone: of the same kind as that of the study, not the same
    values.
    """

    measured: MeasureNoise
    classes: tuple[str, ...] = uncounted()

    artefact = "gallery/sensitivity"

    def build(self, path: Path) -> None:
        """Write the image, its heat and both noisy copies of every test."""
        path.mkdir(exist_ok=True)
        step, model = self.measured, self.measured.network.model
        view = step.view.rows(spread_over_classes(step.view.labels, PICTURED))
        scores = step.pixel_scores()
        copies = noisy_copies(model, view, scores, step.pixel_share, step.deviation, step.seed)
        inputs = copies.pixels.astype(np.float32) / np.float32(255)
        heat = heat_overlay(copies.pixels, scores(model, inputs, view.index), copies.mask)
        noisy = [np.concatenate(list(copies.batches(0, part))) for part in PARTS]
        named = [self._named(each, view.labels) for each in (inputs, *noisy)]
        images = (copies.pixels, heat, *(to_pixels(each) for each in noisy))
        words = ("image", "important", *(f"noise, {part}" for part in PARTS))
        answers = (named[0], [""] * len(view), *named[1:])
        write_gallery(
            path,
            [
                Card(
                    title=_name(int(label), self.classes),
                    name=f"index {index}",
                    pictures=tuple(
                        _picture(path, f"{place}_{index}.png", pixels[row], word, answer[row])
                        for place, (pixels, word, answer) in enumerate(
                            zip(images, words, answers, strict=True)
                        )
                    ),
                    facets={"Class": _name(int(label), self.classes)},
                )
                for row, (index, label) in enumerate(zip(view.index, view.labels, strict=True))
            ],
        )

    def _named(self, inputs: Inputs, labels: IntArray) -> list[str]:
        """Return the names of the classes that the network predicts."""
        model, taps = self.measured.network.model, self.measured.taps
        table = take_input_activations(model, iter([inputs]), labels, taps)
        assert table.predictions is not None
        return [_name(label, self.classes) for label in table.predictions.tolist()]


def spread_over_classes(labels: IntArray, most: int) -> IntArray:
    """Return rows, one of each class in turn, int64 ``[at most most]``.

    >>> spread_over_classes(np.array([0, 0, 0, 1, 2]), 4).tolist()
    [0, 3, 4, 1]
    """
    order = np.argsort(labels, kind="stable")
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    turn = np.empty(len(labels), dtype=np.int64)
    turn[order] = np.arange(len(labels)) - np.repeat(first, counts)
    return np.lexsort((labels, turn))[:most]


def heat_overlay(pixels: Pixels, scores: NDArray[np.float32], mask: BoolArray) -> Pixels:
    """Return faded grey images with the importance of their pixels in colour.

    The pixels of the mask have the full colour, others as much of it as their score is of the
    smallest score in the mask.

    Args:
        pixels: uint8 ``[n, channels, H, W]``.
        scores: ``[n, H, W]``.
        mask: bool ``[n, H, W]``, the pixels of the highest scores, at least one of each image.

    Returns:
        uint8 ``[n, 3, H, W]``.
    """
    least = np.where(mask, scores, np.inf).min((1, 2), keepdims=True)
    share = np.divide(scores, least, out=np.zeros_like(scores), where=least > 0)
    strength = STRONGEST * np.where(mask, 1.0, np.clip(share, 0.0, 1.0))[:, None]
    grey = shown_channels(pixels).mean(1, keepdims=True)
    faded = 255 - FADED * (255 - grey)
    colour = np.array(HEAT, dtype=np.float64)[None, :, None, None]
    return np.asarray(np.rint((1 - strength) * faded + strength * colour), dtype=np.uint8)


def to_pixels(inputs: Inputs) -> Pixels:
    """Return inputs in [0, 1] as whole numbers of 0 to 255."""
    return np.asarray(np.rint(inputs * 255), dtype=np.uint8)


def _picture(folder: Path, file: str, pixels: Pixels, word: str, answer: str) -> CardPicture:
    picture = to_picture(pixels)
    picture.thumbnail((CARD_SIDE, CARD_SIDE), Image.Resampling.BOX)
    picture.save(folder / file)
    spoken = f"{word}, predicted {answer}" if answer else f"{word} pixels"
    return CardPicture(file, spoken, f"{word}\n{answer}" if answer else word)


def _name(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else str(label)
