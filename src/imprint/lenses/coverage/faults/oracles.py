"""What says which class a mutant has: its seed, with or without a judge, or a second network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray
from imprint.lenses.coverage.fuzzing.validity import FULL
from imprint.nets.image_model import ImageModel

Logits = Callable[[Tensor], Tensor]
"""From images in [0, 1] to logits ``[b, outputs]``."""


@dataclass(frozen=True, eq=False)
class SeedLabels:
    """The class of the seed is right, where the judge names it too.

    Attributes:
        judge: logits of an independent network; None for none.
    """

    judge: Logits | None = None

    def expected(self, images: Tensor, labels: IntArray) -> IntArray:
        """Return the labels."""
        return labels

    def confirms(self, images: Tensor, expected: IntArray) -> BoolArray:
        """Return for which images the judge names the expected class; all without a judge."""
        if self.judge is None:
            return np.ones(len(expected), dtype=bool)
        return np.asarray(predictions(self.judge, images) == expected)


@dataclass(frozen=True, eq=False)
class Agreement:
    """What a second network names is expected.

    Attributes:
        other: its logits.
    """

    other: Logits

    def expected(self, images: Tensor, labels: IntArray) -> IntArray:
        """Return the class that the second network names."""
        return predictions(self.other, images)

    def confirms(self, images: Tensor, expected: IntArray) -> BoolArray:
        """Return that each disagreement is one."""
        return np.ones(len(expected), dtype=bool)


def predictions(logits: Logits, images: Tensor) -> IntArray:
    """Return the classes that a network names, int64 ``[b]``.

    Args:
        logits: of the network.
        images: float32 ``[b, channels, H, W]`` in [0, 255].
    """
    with torch.no_grad():
        return np.asarray(logits(as_inputs(images)).argmax(1).cpu().numpy())


def resized_logits(model: ImageModel) -> Logits:
    """Return logits of a network on its device, of images of any side."""
    model.place(model.device).eval()

    def logits(images: Tensor) -> Tensor:
        return model.embed(resized(images, model.input_size).to(model.device), "logits")

    return logits


def resized(images: Tensor, side: int) -> Tensor:
    """Return images of another side, bilinear with antialiasing."""
    if images.shape[2:] == (side, side):
        return images
    return torch.nn.functional.interpolate(
        images, (side, side), mode="bilinear", align_corners=False, antialias=True
    )


def as_inputs(images: Tensor) -> Tensor:
    """Return images in [0, 255] as networks take them, in [0, 1], channels last in memory."""
    return images.div(FULL).contiguous(memory_format=torch.channels_last)
