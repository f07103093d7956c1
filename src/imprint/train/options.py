"""What can be chosen about training one network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from imprint.core.errors import ImprintError
from imprint.data.augmentation import Augmentation
from imprint.study.option_types import Numbers, Settings
from imprint.train.probe_options import OnlineProbeOptions
from imprint.train.resolution import ResolutionRamp

OptimizerName = Literal["adamw", "sgd", "lars"]
OPTIMIZERS: tuple[OptimizerName, ...] = get_args(OptimizerName)
Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

SMALL_CROPS = Augmentation(
    scale=(0.1, 0.3), jitter=1.0, brightness=0.2, contrast=0.2, saturation=0.0, hue=0.0
)
"""Views of small images: crops that often miss the object, so that background and object meet."""


@dataclass(frozen=True)
class TrainOptions:
    """How to train one network.

    The defaults train a small encoder on the embedded data in under a minute.
    """

    objective: str = "vicreg"
    """What to minimise: vicreg, simclr, barlow_twins, byol, dino, supervised."""
    objective_options: Settings = ()
    """The objective's own settings, as name=value,name=value."""
    architecture: str = "patch_convnet"
    """A network of imprint, timm:NAME, transformers:FOLDER, or package.module:function."""
    architecture_options: Settings = ()
    """The architecture's own settings, as name=value,name=value."""
    projector: str = "512-256"
    """Widths of the projector behind the backbone, joined by dashes; empty for none."""
    input_size: int = 32
    """Side of the square input in pixels."""
    resolution: ResolutionRamp = field(default_factory=ResolutionRamp)
    """Side of the training views, where it is to grow during training."""
    mean: Numbers = (0.485, 0.456, 0.406)
    """Mean of each input channel, in [0, 1]."""
    std: Numbers = (0.229, 0.224, 0.225)
    """Standard deviation of each input channel."""
    epochs: int = 700
    """Passes over the training images."""
    stop_after: int = 0
    """End after so many epochs of the schedule, which stays that of all of them; 0 for the last."""
    batch_size: int = 128
    """Images a step, over all processes; fewer where there are not so many."""
    optimizer: OptimizerName = "adamw"
    """The update rule."""
    learning_rate: float = 8e-3
    """Peak learning rate for a batch of 256; scaled by the images of a batch / 256."""
    momentum: float = 0.9
    """Momentum (AdamW: the first beta)."""
    weight_decay: float = 1e-4
    """Weight decay of weights; biases and normalisation go without."""
    warmup: float = 0.1
    """Share of the epochs over which the learning rate rises; a cosine follows."""
    warmup_epochs: float | None = None
    """Epochs over which it rises, instead of a share."""
    end_ratio: float = 0.0
    """Share of the peak learning rate that the cosine ends at."""
    precision: Precision = "float32"
    """Arithmetic of the forward pass."""
    snapshot_every: int = 175
    """Keep the weights every so many epochs; 0 keeps the last alone."""
    resume_every: int = 25
    """Save a resume point every so many epochs."""
    first_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the first view."""
    second_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the second view."""
    online_probes: OnlineProbeOptions = field(default_factory=OnlineProbeOptions)
    """Linear probes that learn along with the network."""

    def __post_init__(self) -> None:
        for name in ("epochs", "resume_every", "input_size"):
            self._require(name, getattr(self, name) >= 1, "be at least 1")
        self._require("batch_size", self.batch_size >= 2, "be at least 2, for batch statistics")
        self._require("learning_rate", 0 < self.learning_rate < math.inf, "be above 0 and finite")
        self._require("momentum", 0 <= self.momentum < 1, "lie in [0, 1)")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "be at least 0 and finite")
        self._require("end_ratio", 0 <= self.end_ratio <= 1, "lie in [0, 1]")
        self._require("snapshot_every", self.snapshot_every >= 0, "be at least 0")
        self._require(
            "stop_after", 0 <= self.stop_after <= self.epochs, f"lie in 0…epochs ({self.epochs})"
        )
        for name, known in (("optimizer", OPTIMIZERS), ("precision", PRECISIONS)):
            self._require(name, getattr(self, name) in known, f"be one of {', '.join(known)}")
        self.resolution.sizes(self.input_size)
        self._require("warmup", 0 <= self.warmup <= 1, "lie in [0, 1]")
        self._require(
            "warmup_epochs",
            self.warmup_epochs is None or 0 <= self.warmup_epochs <= self.epochs,
            f"lie in 0…epochs ({self.epochs}); left out, --train.warmup is a share of the epochs",
        )

    @property
    def rising_epochs(self) -> float:
        """Epochs over which the learning rate rises."""
        return self.warmup * self.epochs if self.warmup_epochs is None else self.warmup_epochs

    @property
    def last_epoch(self) -> int:
        """How many epochs are trained."""
        return self.stop_after or self.epochs

    def _require(self, name: str, holds: bool, demand: str) -> None:
        if not holds:
            raise ImprintError(f"{name} is {getattr(self, name)!r}: it must {demand}")
