"""``imprint reconstruct``: images that an encoder's representation brings back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imprint.lenses.reconstruct.evaluate_options import EvaluateOptions
from imprint.lenses.reconstruct.options import (
    InterpolateOptions,
    ManipulateOptions,
    SampleOptions,
    TrainOptions,
)
from imprint.study.command import command
from imprint.study.plain import JsonObject

if TYPE_CHECKING:
    from imprint.lenses.reconstruct.study.interpolate import Interpolated
    from imprint.lenses.reconstruct.study.manipulate import Manipulated
    from imprint.lenses.reconstruct.study.sample import Sampled
    from imprint.lenses.reconstruct.study.train import TrainedRun


@command(
    "reconstruct train",
    "train a diffusion model that takes an encoder's representations",
    example="--encoder A.safetensors --data photos/ --indices public.npy --out runs/recall_A",
    main=(
        *("out", "encoder", "data", "indices", "conditioning"),
        *("train.steps", "train.batch_size", "train.learning_rate"),
        *("train.unet.image_size", "train.unet.width"),
        *("seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class TrainDiffusionModel(TrainOptions):
    """Train a diffusion model to make images from an encoder's representations of them.

    Give images that the encoder was not trained on, such as the public ones of a partition: then
    what samples show beyond the input is what the encoder recalls. OUT/network holds the averaged
    weights and the log, OUT/encoder a copy of the encoder. An interrupted run resumes when the same
    command is run again. Under torchrun --nproc-per-node N -m imprint reconstruct train, each
    process trains on its share of each batch.
    """

    def run(self) -> TrainedRun | None:
        """Train; return where the weights are and what the last steps logged."""
        from imprint.lenses.reconstruct.study.train import train_study

        return train_study(self)


@command(
    "reconstruct sample",
    "sample images from representations of images",
    example="--run runs/recall_A --data photos/ --indices some.npy --out runs/samples",
    main=(
        *("out", "run", "data", "indices", "samples", "sampling_steps", "sampler", "guidance"),
        *("batch_size", "centre_fraction", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class SampleReconstructions(SampleOptions):
    """Draw samples from what the encoder of a run makes of images.

    OUT/samples/samples.safetensors holds samples, uint8 [n, samples, channels, side, side], and
    index [n]; OUT/samples/tile.png shows the first images, each with its samples. The same seed
    gives the same pixels at any batch size.
    """

    # A field and the command's method share a name, as the option is called --run: the method is
    # looked up on the class.
    def run(self) -> Sampled:  # type: ignore[misc, override]
        """Sample; return where the samples are."""
        from imprint.lenses.reconstruct.study.sample import sample_study

        return sample_study(self)


@command(
    "reconstruct interpolate",
    "sample images between the representations of two images",
    example="--run runs/recall_A --first cat.jpg --second dog.jpg --out runs/between",
    main=(
        *("out", "run", "first", "second", "ratios", "samples", "sampling_steps", "sampler"),
        *("guidance", "batch_size", "centre_fraction", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class InterpolateRepresentations(InterpolateOptions):
    """Draw samples from linear mixes of two representations, the same noise for every mix.

    OUT/interpolation/samples.safetensors holds samples, uint8 [ratios, samples, channels, side,
    side], and ratios; OUT/interpolation/tile.png has a row for each sample: the first image, a
    column for each ratio, the second image.
    """

    def run(self) -> Interpolated:  # type: ignore[misc, override]  # see SampleReconstructions
        """Sample; return where the samples are."""
        from imprint.lenses.reconstruct.study.interpolate import interpolate_study

        return interpolate_study(self)


@command(
    "reconstruct manipulate",
    "sample after changing what a representation shares with its neighbours",
    example="--run runs/recall_A --image cat.jpg --neighbours photos/ --target dog.jpg "
    "--out runs/changed",
    main=(
        *("out", "run", "image", "neighbours", "target", "nearest", "common", "nonzero", "metric"),
        *("samples", "sampling_steps", "sampler", "guidance", "batch_size", "centre_fraction"),
        *("seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class ManipulateRepresentation(ManipulateOptions):
    """Change the dimensions that are non-zero in most neighbours of an image, and sample.

    OUT/manipulation/samples.safetensors holds samples, uint8 [3, samples, channels, side, side]: of
    the representation as it is, with these dimensions at 0, and with those of the target, the same
    noise for each. tile.png shows them behind the image, dimensions.parquet says which dimensions
    they are, neighbours.parquet which images were compared.
    """

    def run(self) -> Manipulated:  # type: ignore[misc, override]  # see SampleReconstructions
        """Sample; return where the samples are and how many dimensions were changed."""
        from imprint.lenses.reconstruct.study.manipulate import manipulate_study

        return manipulate_study(self)


@command(
    "reconstruct evaluate",
    "what samples of a target recall that those of a reference do not",
    example="--samples runs/samples_A --reference runs/samples_B --leak runs/new_A,runs/new_B "
    "--data photos/ --classifier c.safetensors --out runs/recall",
    main=(
        *("out", "samples", "reference", "leak", "data", "classifier", "features", "real"),
        *("centre_fraction", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class EvaluateReconstructions(EvaluateOptions):
    """Judge samples of a target encoder, and of a reference, by an independent classifier.

    Reports the share of samples with the class of their original, beside chance and the
    classifier's accuracy on the originals; similarity to the original; the same on images of
    neither encoder (--leak); and the quality of samples. OUT/tables/reconstruct holds a table of
    samples a set: index, label, sample, predicted_class, probability, label_probability,
    similarity.
    """

    def run(self) -> JsonObject:
        """Judge the samples; return the content of ``summary.json``."""
        from imprint.lenses.reconstruct.study.evaluate import evaluate_study

        return evaluate_study(self)
