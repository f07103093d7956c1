"""Passes of a detector over images: what it finds, its activations, and what is explained of it.

Explained is the evidence for what is reported: over the boxes whose score reaches the threshold,
the most confident one at least, the sum of the logits of their classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.data.files import EncodedImages
from imprint.lenses.coverage.detection.found import Found
from imprint.nets.detector import Detections, Detector
from imprint.neurons.activations import ActivationTable
from imprint.probe.attribution.explained import Explained
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.probe.neurons.neurons import Taps

MAX_HELD_BYTES = 1 << 30
"""Of test images that are kept; COCO's 5,000 for validation at 800 pixels would be 38 GB."""
CHANNELS, FLOAT_BYTES = 3, 4
SCORE, CATEGORY, BOX = 0, 1, slice(2, 6)
NUMBERS = 6
"""Of a query: score, class, four corners."""


@dataclass(frozen=True, eq=False)
class WholeImages:
    """Some images of a set, each stretched to a square."""

    images: EncodedImages
    index: IntArray

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, side: int, size: int, what: str) -> Iterator[tuple[slice, Tensor]]:
        """Yield rows and float images ``[b, 3, side, side]`` in [0, 1], with progress."""
        starts = range(0, len(self), size)
        for start in track(starts, what, len(starts), "batch"):
            rows = slice(start, min(start + size, len(self)))
            index = self.index[rows]
            sides = self.images.sizes()[index].astype(np.float64)
            whole = np.concatenate([np.zeros_like(sides), sides], axis=1)
            pixels = self.images.read(index, whole, side)
            yield rows, torch.from_numpy(pixels).float() / 255


def held_or_read_again(
    view: WholeImages, side: int, size: int, limit: int = MAX_HELD_BYTES
) -> Callable[[], Iterable[Tensor]]:
    """Return a function that gives the batches of a view, as often as it is called.

    Args:
        view: the images.
        side: of the squares.
        size: images a batch.
        limit: bytes of all images up to which they are kept; more are read in every call.
    """

    def read() -> Iterator[Tensor]:
        for _, images in view.batches(side, size, "read images"):
            yield images

    if len(view) * CHANNELS * side * side * FLOAT_BYTES > limit:
        return read
    held = list(read())
    return lambda: held


def evidence(threshold: float, found: Detections) -> Tensor:
    """Return what is explained of each image, ``[b, 1]``."""
    scores, classes = found.best()
    counts = (scores >= threshold) | (scores == scores.amax(1, keepdim=True))
    logits = found.logits.gather(2, classes[..., None])[..., 0]
    return (logits * counts).sum(1, keepdim=True)


def explain_detector(
    detector: Detector, view: WholeImages, threshold: float, batch: int, device: torch.device
) -> Explained:
    """Return a detector with images, as attribution takes it; all are of one class."""

    def batches(size: int) -> Iterator[tuple[slice, Tensor]]:
        for rows, images in view.batches(detector.input_size, min(size, batch), "attribute"):
            yield rows, images.to(device)

    return Explained(
        LayerOutputs(detector, partial(evidence, threshold)),
        device,
        np.zeros(len(view), dtype=np.int64),
        view.index,
        1,
        detector.grey,
        None,
        batches,
        {"weights": detector.fingerprint(), "threshold": threshold},
    )


def flat(found: Detections) -> Tensor:
    """Return score, class and corners of every query, ``[b, queries · 6]``."""
    scores, classes = found.best()
    parts = [scores[..., None], classes[..., None].to(scores), found.boxes]
    return torch.cat(parts, dim=2).flatten(1)


def unflat(values: Tensor, category_of: IntArray) -> Found:
    """Return flat detections ``[n, queries · 6]`` by the categories of the annotations.

    Args:
        values: of :func:`flat`.
        category_of: int64 ``[classes]``, the category of each class of the detector; −1 for none.
    """
    table = values.reshape(len(values), -1, NUMBERS).double().cpu().numpy()
    category = category_of[table[..., CATEGORY].astype(np.int64)]
    return Found(table[..., BOX], table[..., SCORE], category)


@torch.no_grad()
def detector_activations(
    detector: Detector, view: WholeImages, batch: int, device: torch.device
) -> ActivationTable:
    """Return the activations of all layers, means over places and tokens."""
    values = []
    with Taps(detector) as taps:
        for _, images in view.batches(detector.input_size, batch, "activations"):
            detector(images.to(device))
            values.append(taps.take().values.cpu().numpy())
        return ActivationTable(taps.layers, np.concatenate(values))
