"""The independent classifier, where the user has none: trained on public images alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.device import DeviceName, choose_device
from imprint.core.seeds import derive
from imprint.data.augmentation import Augmentation
from imprint.data.view import View
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
