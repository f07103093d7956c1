"""The independent classifier, where the user has none: trained on public images alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.device import DeviceName, choose_device
from imprint.core.seeds import derive
from imprint.data.augmentation import Augmentation
from imprint.data.view import View
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
