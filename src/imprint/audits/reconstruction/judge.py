"""The independent classifier, and what it says of samples and originals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.probe.embeddings import embed
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.train.loop import train
from imprint.train.options import TrainOptions

JUDGE = TrainOptions(
    objective="supervised",
    architecture="patch_convnet",
    projector="",
    epochs=60,
    warmup=0.1,
    snapshot_every=0,
    first_view=Augmentation(scale=(0.5, 1.0), brightness=0.2, contrast=0.2),
)
"""Trained on whole public images, in seconds on small ones."""


@dataclass(frozen=True)
class TrainJudge(Step):
    """Train the classifier on images that neither encoder was trained on.

    Attributes:
        view: the public images.
        seed: of its training.
    """

    view: View
    seed: int
    options: TrainOptions = JUDGE
    device: DeviceName = uncounted(default="auto")

    artefact = "classifier"
    resumable = True

    def build(self, path: Path) -> None:
        """Train it."""
        device, seed = choose_device(self.device), derive(self.seed, "classifier")
        train(self.view.images, self.view.index, self.options, path, seed, device, "classifier")


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the classifier makes of images.

    Attributes:
        classes: most probable class, int64 ``[…]``.
        probabilities: of the class of the original, float64 ``[…]``.
        features: its penultimate ones, float64 ``[…, d]``.
    """

    classes: IntArray
    probabilities: FloatArray
    features: FloatArray


class Judge:
    """A classifier of the images of a study.

    Args:
        file: its weights.
        classes: of the images.
        device: where it runs.

    Raises:
        ImprintError: it has no logits, or other classes.
    """

    def __init__(self, file: NetworkFile, classes: tuple[str, ...], device: DeviceName) -> None:
        self._model: ImageModel = file.load(choose_device(device))
        self._classes = classes
        if not self._model.has_logits or file.card.outputs != len(classes):
            raise ImprintError(
                f"{file.path} has {file.card.outputs or 'no'} classes and the images have "
                f"{len(classes)}: give --classifier a classifier of these images"
            )

    def of_samples(self, samples: Pixels, labels: IntArray, what: str) -> Judgement:
        """Return the judgement of samples, uint8 ``[n, s, C, H, W]``, with labels ``[n]``."""
        count, each = samples.shape[:2]
        flat = samples.reshape(-1, *samples.shape[2:])
        repeated = np.repeat(labels, each)
        images = ArrayImages(flat, repeated, self._classes, what)
        judged = self.of_view(View(images, np.arange(len(flat))), what)
        return Judgement(
            judged.classes.reshape(count, each),
            judged.probabilities.reshape(count, each),
            judged.features.reshape(count, each, -1),
        )

    def of_view(self, view: View, what: str) -> Judgement:
        """Return the judgement of images of a view."""
        layers = embed({"judge": self._model}, view, ("backbone", "logits"), what)["judge"]
        probabilities: NDArray[np.float64] = softmax(layers["logits"].astype(np.float64), axis=1)
        return Judgement(
            probabilities.argmax(axis=1),
            probabilities[np.arange(len(view)), view.labels],
            layers["backbone"].astype(np.float64),
        )
