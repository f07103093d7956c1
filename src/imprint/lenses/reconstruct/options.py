"""What can be chosen about a diffusion model that is conditioned on representations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.launch.options import ManyTasks
from imprint.study.counted import uncounted
from imprint.study.option_types import Numbers
from imprint.study.options import Common, DataChoice, WeightsChoice

Conditioning = Literal["backbone", "projector", "both"]
Prediction = Literal["epsilon", "v"]
Schedule = Literal["linear", "cosine"]
Sampler = Literal["ddim", "ddpm"]
Precision = Literal["float32", "bfloat16", "float16"]
NeighbourMetric = Literal["cosine", "l2"]

ATTENTION_SIDES = (8, 16, 32)
"""Sides in pixels at which the published networks attend."""
MIN_SIDE = 4
"""Of the deepest level, in pixels."""
MAX_LEVELS = 8
MAX_MULTIPLIER = 16
MAX_RATIOS = 50
"""Of one interpolation: columns of its tile."""


@dataclass(frozen=True)
class UNetOptions(Checked):
    """The shape of the U-Net."""

    image_size: Annotated[int, Bounds(least=16, most=256)] = 32
    """Side of the images it makes, in pixels."""
    patch: Annotated[int, Bounds(least=1, most=8)] = 2
    """Side of the squares of pixels that are folded into channels before the first layer: 2 makes
    the network four times cheaper (published: 1)."""
    width: Annotated[int, Bounds(least=8, most=1024)] = 64
    """Channels of the first level; a multiple of 8."""
    multipliers: Annotated[Numbers, Bounds(least=1, most=MAX_MULTIPLIER)] = (1.0, 1.0)
    """Channels of each level as multiples of the width; each level halves the side."""
    blocks: Annotated[int, Bounds(least=1, most=16)] = 1
    """Residual blocks of each level."""
    attention: Annotated[Numbers, Bounds(least=1, most=256)] = (8.0, 16.0, 32.0)
    """Sides of the feature maps at which the network attends, in pixels."""
    head_channels: Annotated[int, Bounds(least=1, most=1024)] = 64
    """Channels of an attention head, at most."""
    dropout: Annotated[float, Bounds(least=0, below=1)] = 0.0
    """Dropout rate within residual blocks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % 8:
            raise OptionError(type(self), "width", f"must be a multiple of 8, got {self.width}")
        levels = self.multipliers
        if not 1 <= len(levels) <= MAX_LEVELS or any(level != int(level) for level in levels):
            raise OptionError(
                type(self),
                "multipliers",
                f"must be 1 to {MAX_LEVELS} whole numbers from 1 to {MAX_MULTIPLIER}, got {levels}",
            )
        divisor = self.patch << (len(levels) - 1)
        if self.image_size % divisor or self.image_size // divisor < MIN_SIDE:
            raise OptionError(
                type(self),
                "multipliers",
                f"leave a deepest level of {self.image_size / divisor:g} pixels ({len(levels)} "
                f"levels, patch {self.patch}, image_size {self.image_size}): at least {MIN_SIDE} "
                "whole ones are needed",
            )


@dataclass(frozen=True)
class DiffusionOptions(Checked):
    """The noise, and what the network predicts."""

    diffusion_steps: Annotated[int, Bounds(least=2, most=10_000)] = 1000
    """Steps of the noise schedule."""
    schedule: Schedule = "cosine"
    """Noise schedule: variances that rise linearly (published), or a cosine of the signal."""
    prediction: Prediction = "v"
    """What the network predicts: the noise (epsilon, published), or the velocity (v), whose samples
    are clear after far fewer steps."""
    learned_variance: bool = False
    """Also predict the variance of each step, trained by its variational bound (published)."""
    drop_condition: Annotated[float, Bounds(least=0, below=1)] = 0.1
    """Share of training images whose representation is replaced by an empty one, so that samples
    can be guided; 0: never (published)."""


@dataclass(frozen=True)
class ReconstructionTraining(Checked):
    """How the diffusion model is trained."""

    unet: UNetOptions = field(default_factory=UNetOptions)
    """The shape of the network."""
    diffusion: DiffusionOptions = field(default_factory=DiffusionOptions)
    """The noise, and what is predicted."""
    steps: Annotated[int, Bounds(least=1)] = 1000
    """Optimiser steps."""
    batch_size: Annotated[int, Bounds(least=1)] = 64
    """Images per step, over all processes."""
    accumulate: Annotated[int, Bounds(least=1)] = 1
    """Parts that a batch is split into, one after the other, to save memory."""
    learning_rate: Annotated[float, Bounds(above=0, most=100)] = 1e-3
    """Learning rate after the warm-up (published: 1e-4)."""
    warmup_steps: Annotated[int, Bounds(least=0)] = 100
    """Steps over which the learning rate rises."""
    anneal: bool = True
    """Lower the learning rate to zero along a cosine (published: constant)."""
    weight_decay: Annotated[float, Bounds(least=0, most=100)] = 0.0
    """Weight decay of AdamW."""
    ema: Annotated[float, Bounds(least=0, below=1)] = 0.99
    """Decay of the moving average of the weights, which samples are drawn with (published:
    0.9999)."""
    precision: Precision = "float32"
    """Arithmetic of the forward pass."""
    checkpoint_gradients: bool = False
    """Compute activations again in the backward pass, to save memory."""
    resume_every: Annotated[int, Bounds(least=1)] = uncounted(default=200)
    """Steps between checkpoints to resume from."""
    snapshot_every: Annotated[int, Bounds(least=0)] = 0
    """Steps between snapshots of the averaged weights; 0: only the last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size % self.accumulate:
            raise OptionError(
                type(self),
                "accumulate",
                f"must divide batch_size ({self.batch_size}), got {self.accumulate}",
            )


class RunChoice(Protocol):
    """How a diffusion model is trained, as options of a command and of an audit state it."""

    @property
    def conditioning(self) -> Conditioning:
        """Which representations of the encoder it takes."""
        ...

    @property
    def train(self) -> ReconstructionTraining:
        """How it is trained."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrainOptions(DataChoice, WeightsChoice, Common):
    """What a diffusion model is trained for, on and how."""

    encoder: Path
    """Weights of the encoder whose representations it takes, with the card NAME.json beside
    them, or a folder that save_pretrained of transformers wrote."""
    indices: Path | None = None
    """A .npy file of indices of the images to train on: the public ones of a partition, which the
    encoder was not trained on; default: all images."""
    conditioning: Conditioning = "both"
    """Representation it takes: the backbone's, the projector's, or both joined (published)."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps (published: 0.875)."""
    train: ReconstructionTraining = field(default_factory=ReconstructionTraining)
    """How it is trained."""


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(Checked):
    """How samples are drawn."""

    samples: Annotated[int, Bounds(least=1, most=1000)] = 4
    """Samples of each image."""
    sampling_steps: Annotated[int, Bounds(least=1, most=10_000)] = 100
    """Steps of the noise schedule that are used; the published study used all 1,000."""
    sampler: Sampler = "ddim"
    """Sampler: deterministic steps (ddim), or steps with fresh noise (ddpm, published)."""
    guidance: Annotated[float, Bounds(least=0, most=100)] = 1.0
    """Weight of the representation: 1 takes the prediction as it is, larger ones push samples
    towards it, away from those without one."""
    batch_size: Annotated[int, Bounds(least=1)] = uncounted(default=64)
    """Samples in memory at a time. It changes no pixel."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions(ManyTasks, SamplingOptions, DataChoice, Common):
    """What is sampled with a trained diffusion model."""

    run: Path
    """Folder of imprint reconstruct train."""
    indices: Path | None = None
    """A .npy file of indices of the images to represent; default: all images."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps, as in training."""


@dataclass(frozen=True, kw_only=True)
class InterpolateOptions(SamplingOptions, Common):
    """Which two representations are mixed."""

    run: Path
    """Folder of imprint reconstruct train."""
    first: Path
    """Image file of any size, at ratio 0."""
    second: Path
    """Image file of any size, at ratio 1."""
    ratios: Annotated[Numbers, Bounds(least=-100, most=100)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Shares of the second representation in the mix, beside 1 - ratio of the first; below 0 and
    above 1 the line goes on beyond them."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps, as in training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= len(self.ratios) <= MAX_RATIOS:
            raise OptionError(
                type(self),
                "ratios",
                f"must be 1 to {MAX_RATIOS} numbers, got {len(self.ratios)}",
            )


@dataclass(frozen=True, kw_only=True)
class ManipulateOptions(SamplingOptions, Common):
    """Which dimensions of a representation are changed."""

    run: Path
    """Folder of imprint reconstruct train."""
    image: Path
    """Image file of any size, whose representation is changed."""
    neighbours: Path
    """Folder or array file of images to search for the neighbours of that representation."""
    target: Path
    """Image file of any size, whose representation replaces the dimensions."""
    nearest: Annotated[int, Bounds(least=1, most=10_000)] = 20
    """Neighbours that are compared."""
    common: Annotated[int, Bounds(least=0)] = 14
    """Take dimensions that are non-zero in more than this number of neighbours."""
    nonzero: Annotated[float, Bounds(least=0)] = 0.0
    """Absolute value above which a dimension counts as non-zero, for an encoder whose last layer
    leaves none at 0."""
    skip_corrupt: bool = False
    """Leave out neighbours that cannot be decoded, and name them, instead of stopping."""
    metric: NeighbourMetric = "cosine"
    """Distance of representations: between both normalised (cosine; it ranks as published), or
    between both as they are (l2)."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps, as in training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.common >= self.nearest:
            raise OptionError(
                type(self),
                "common",
                f"must be below --nearest ({self.nearest}), since more than that number of "
                f"neighbours are to share a dimension, got {self.common}",
            )
