"""What can be chosen about training a cohort: many models, each on its own members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.data.augmentation import PAD_AND_FLIP, Augmentation
from imprint.study.counted import uncounted
from imprint.study.option_types import Formerly, Numbers, Settings

EngineName = Literal["sequential", "processes", "stacked"]


@dataclass(frozen=True)
class CohortOptions(Checked):
    """How to train every model of a cohort: supervised, one cycle of the learning rate.

    The defaults fit a small image set in few epochs; what leaks follows the gap between training
    and test accuracy, so take as many epochs as bring the training accuracy near 1.
    """

    architecture: str = "patch_convnet"
    """A network of imprint, timm:NAME, or package.module:function."""
    architecture_options: Settings = ()
    """The architecture's own settings, as name=value,name=value."""
    input_size: Annotated[int, Bounds(least=1)] = 32
    """Side of the square input in pixels."""
    mean: Numbers = (0.485, 0.456, 0.406)
    """Mean of each input channel, in [0, 1]."""
    std: Numbers = (0.229, 0.224, 0.225)
    """Standard deviation of each input channel."""
    epochs: Annotated[int, Bounds(least=1)] = 20
    """Passes over the members."""
    batch_size: Annotated[int, Bounds(least=2, why="batch statistics need two images")] = 128
    """Images per step; an incomplete last batch is dropped."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD with Nesterov momentum, or AdamW."""
    learning_rate: Annotated[float, Bounds(above=0)] = 0.2
    """Peak learning rate for a batch of 256; scaled by batch_size / 256."""
    momentum: Annotated[float, Bounds(least=0, below=1)] = 0.9
    """Momentum (AdamW: the first beta)."""
    weight_decay: Annotated[float, Bounds(least=0)] = 5e-4
    """Weight decay, of weights but not of biases and normalisation."""
    warmup: Annotated[float, Bounds(least=0, most=1)] = 0.25
    """Share of the steps over which the learning rate rises; a cosine follows."""
    label_smoothing: Annotated[float, Bounds(least=0, below=1)] = 0.0
    """Share of the target that is spread evenly over all classes."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the forward pass."""
    view: Augmentation = field(default_factory=lambda: PAD_AND_FLIP)
    """Augmentation of the training images."""
    epsilon: Annotated[float, Bounds(least=0)] = 0.0
    """Train by DP-SGD to this accounted ε (extra `privacy`); 0 trains without DP."""
    noise_multiplier: Annotated[float, Bounds(least=0), Formerly("noise")] = 0.0
    """Train by DP-SGD with this noise multiplier σ instead of a target ε; 0 trains without DP."""
    delta: Annotated[float, Bounds(above=0, below=1)] = 1e-5
    """δ at which ε is accounted."""
    max_grad_norm: Annotated[float, Bounds(above=0), Formerly("clip")] = 1.0
    """Norm to which DP-SGD clips the gradient of each example."""
    accountant: Literal["prv", "rdp"] = "prv"
    """How ε is accounted: privacy random variables (tight) or Rényi orders (fast)."""
    engine: EngineName | Literal["auto"] = uncounted(default="auto")
    """One after another, worker processes, or stacked under vmap; auto times them."""
    workers: Annotated[int, Bounds(least=0)] = uncounted(default=0)
    """Worker processes; 0: one per usable core."""
    stack: Annotated[int, Bounds(least=1)] = uncounted(default=16)
    """Models trained at once by the stacked engine."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epsilon and self.noise_multiplier:
            raise ImprintError(
                "epsilon and noise_multiplier exclude each other: set one of the two to 0"
            )
        if self.private and self.precision != "float32":
            raise ImprintError("DP-SGD clips in float32: set precision to float32")
        if self.private and self.engine == "stacked":
            raise ImprintError(
                "DP-SGD needs gradients of single examples, which the stacked engine does not "
                "make: choose the engine sequential or processes"
            )

    @property
    def private(self) -> bool:
        """Whether the models are trained by DP-SGD."""
        return self.epsilon > 0 or self.noise_multiplier > 0
