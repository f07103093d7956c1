"""What can be chosen about training one network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imprint.config import Numbers, Settings
from imprint.data.views import Augmentation
from imprint.errors import ImprintError

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
    """What to minimise: vicreg, simclr, supervised."""
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
    mean: Numbers = (0.485, 0.456, 0.406)
    """Mean of each input channel, in [0, 1]."""
    std: Numbers = (0.229, 0.224, 0.225)
    """Standard deviation of each input channel."""
    epochs: int = 700
    """Passes over the training images."""
    batch_size: int = 128
    """Images a step, over all processes."""
    optimizer: Literal["adamw", "sgd", "lars"] = "adamw"
    """The update rule."""
    learning_rate: float = 8e-3
    """Peak learning rate for a batch of 256; scaled by batch_size / 256."""
    momentum: float = 0.9
    """Momentum (AdamW: the first beta)."""
    weight_decay: float = 1e-4
    """Weight decay of weights; biases and normalisation go without."""
    warmup_epochs: float = 70.0
    """Epochs over which the learning rate rises; a cosine follows."""
    end_ratio: float = 0.0
    """Share of the peak learning rate that the cosine ends at."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of the forward pass."""
    snapshot_every: int = 175
    """Keep the weights every so many epochs; 0 keeps the last alone."""
    resume_every: int = 25
    """Save a resume point every so many epochs."""
    first_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the first view."""
    second_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the second view."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "resume_every", "input_size"):
            if getattr(self, name) < 1:
                raise ImprintError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if self.learning_rate <= 0:
            raise ImprintError(f"learning_rate is {self.learning_rate}: it must be above 0")
        if self.batch_size == 1:
            raise ImprintError("batch_size is 1: batch statistics need at least 2 images")
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise ImprintError(
                f"warmup_epochs is {self.warmup_epochs:g}: it must lie in 0…epochs ({self.epochs})"
            )
