"""What can be chosen about training one network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.data.augmentation import Augmentation
from imprint.study.counted import uncounted
from imprint.study.option_types import Numbers, Settings
from imprint.train.probe_options import OnlineProbeOptions
from imprint.train.resolution import ResolutionRamp

OptimizerName = Literal["adamw", "sgd", "lars"]
Precision = Literal["float32", "bfloat16", "float16"]

SMALL_CROPS = Augmentation(
    scale=(0.1, 0.3), jitter=1.0, brightness=0.2, contrast=0.2, saturation=0.0, hue=0.0
)
"""Views of small images: crops that often miss the object, so that background and object meet."""


@dataclass(frozen=True)
class TrainOptions(Checked):
    """How to train one network.

    The defaults train a small encoder on the embedded data in under a minute.
    """

    objective: str = "vicreg"
    """Training objective: vicreg, simclr, barlow_twins, byol, dino or supervised."""
    objective_options: Settings = ()
    """Settings of the objective, as name=value,name=value."""
    architecture: str = "patch_convnet"
    """Architecture by name (imprint list architectures), timm:NAME, transformers:FOLDER, or
    package.module:function."""
    architecture_options: Settings = ()
    """Settings of the architecture, as name=value,name=value."""
    projector: str = "512-256"
    """Widths of the projector on the backbone, joined by dashes; empty: no projector."""
    input_size: Annotated[int, Bounds(least=1)] = 32
    """Side of the square input in pixels."""
    resolution: ResolutionRamp = field(default_factory=ResolutionRamp)
    """Side of the training views, if it grows during training."""
    mean: Numbers = (0.485, 0.456, 0.406)
    """Mean of each input channel, in [0, 1]."""
    std: Numbers = (0.229, 0.224, 0.225)
    """Standard deviation of each input channel."""
    epochs: Annotated[int, Bounds(least=1)] = 700
    """Passes over the training images."""
    stop_after: Annotated[int, Bounds(least=0)] = 0
    """Stop after this number of epochs, under the schedule of all epochs; 0: train all."""
    batch_size: Annotated[int, Bounds(least=2, why="batch statistics need two images")] = 128
    """Images per step, over all processes."""
    optimizer: OptimizerName = "adamw"
    """Optimiser."""
    learning_rate: Annotated[float, Bounds(above=0)] = 8e-3
    """Peak learning rate for a batch of 256; scaled by batch size / 256."""
    momentum: Annotated[float, Bounds(least=0, below=1)] = 0.9
    """Momentum (AdamW: the first beta)."""
    weight_decay: Annotated[float, Bounds(least=0)] = 1e-4
    """Weight decay, of weights but not of biases and normalisation."""
    warmup: Annotated[float, Bounds(least=0, most=1)] = 0.1
    """Share of the epochs with linear warm-up; a cosine follows."""
    warmup_epochs: Annotated[float | None, Bounds(least=0)] = None
    """Epochs of warm-up, instead of a share."""
    end_ratio: Annotated[float, Bounds(least=0, most=1)] = 0.0
    """Final learning rate as a share of the peak."""
    precision: Precision = "float32"
    """Arithmetic of the forward pass."""
    snapshot_every: Annotated[int, Bounds(least=0)] = 175
    """Epochs between snapshots of the weights; 0: only the last."""
    resume_every: Annotated[int, Bounds(least=1)] = 25
    """Epochs between checkpoints to resume from."""
    resume_steps: Annotated[int, Bounds(least=0)] = uncounted(default=1000)
    """Steps between checkpoints within an epoch; 0: only between epochs."""
    first_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the first view."""
    second_view: Augmentation = field(default_factory=lambda: SMALL_CROPS)
    """Augmentation of the second view."""
    online_probes: OnlineProbeOptions = field(default_factory=OnlineProbeOptions)
    """Linear probes trained along with the network."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("stop_after", "warmup_epochs"):
            if (getattr(self, name) or 0) > self.epochs:
                raise OptionError.of(self, name, f"be at most epochs ({self.epochs})")
        self.resolution.sizes(self.input_size)

    @property
    def rising_epochs(self) -> float:
        """Epochs over which the learning rate rises."""
        return self.warmup * self.epochs if self.warmup_epochs is None else self.warmup_epochs

    @property
    def last_epoch(self) -> int:
        """How many epochs are trained."""
        return self.stop_after or self.epochs
