"""The independent classifier, where the user has none: trained on public images alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.augmentation import Augmentation
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.nets.load import NetworkFile
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.train.loop import train
from imprint.train.options import TrainOptions

MOST_EPOCHS, LEAST_EPOCHS, IMAGES_SEEN = 60, 5, 50_000
"""Epochs are as many as show this number of images, within both."""
JUDGE = TrainOptions(
    objective="supervised",
    architecture="patch_convnet",
    projector="",
    epochs=MOST_EPOCHS,
    warmup=0.1,
    snapshot_every=0,
    first_view=Augmentation(scale=(0.5, 1.0), brightness=0.2, contrast=0.2),
)
"""Trained on whole public images, in seconds on small ones."""


def check_classifier(file: NetworkFile, images: ImageSet, encoders: Collection[str] = ()) -> None:
    """Check that a classifier can judge images, and that it is none of the encoders.

    Args:
        file: its weights.
        images: that it is to classify.
        encoders: hashes of the weights of the encoders under test.

    Raises:
        ImprintError: it cannot be read, has other classes or channels, or is one of them.
    """
    model, card = file.load(), file.card
    if not model.has_logits or card.outputs != len(images.classes):
        raise ImprintError(
            f"{file.path} has {card.outputs or 'no'} classes and the images have "
            f"{len(images.classes)}: give --classifier a classifier of these images"
        )
    if card.channels != images.channels:
        raise ImprintError(
            f"{file.path} takes images of {card.channels} channel(s) and these have "
            f"{images.channels}: give --classifier a classifier of these images"
        )
    if model.fingerprint() in encoders:
        raise ImprintError(
            f"{file.path} is an encoder under test and would judge itself: give --classifier a "
            "network that was trained on no image of either encoder"
        )


@dataclass(frozen=True)
class TrainJudge(Step):
    """Train the classifier on images that neither encoder was trained on.

    Attributes:
        view: the public images.
        seed: of its training.
        side: of its input in pixels, that of the samples.
    """

    view: View
    seed: int
    side: int
    device: DeviceName = uncounted(default="auto")

    artefact = "classifier"
    resumable = True

    def build(self, path: Path) -> None:
        """Train it."""
        device, seed = choose_device(self.device), derive(self.seed, "classifier")
        epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, IMAGES_SEEN // len(self.view)))
        options = replace(JUDGE, epochs=epochs, input_size=self.side)
        train(self.view.images, self.view.index, options, path, seed, device, "classifier")
