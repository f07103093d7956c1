"""What can be chosen about coverage: of arrays, of one's own network, and within an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imprint.config import Integers, Names, Parameters
from imprint.options import Common

CorrectOnly = Literal["none", "build", "eval", "both"]


@dataclass(frozen=True, kw_only=True)
class CriteriaChoice:
    """Which criteria, with which settings."""

    criteria: Names = ("all",)
    """Criteria to measure, or all; one that lacks what it needs is missing, with the reason."""
    param: Parameters = ()
    """Settings of single criteria, such as kmnc.k=10; a criterion names its own if asked for
    another."""


@dataclass(frozen=True, kw_only=True)
class LayerChoice:
    """Which layers of a network to look at, and what counts as a neuron."""

    layers: Names = ()
    """Module paths of the layers to look at, each with all below it; empty for every layer."""
    exclude: Names = ()
    """Module paths to leave out, such as the head of a detector."""
    layer_index: Integers = ()
    """Of the layers that are left, these alone, counted from 0."""
    third: Literal["all", "first", "middle", "last"] = "all"
    """Of the layers that are left, one third of the depth."""
    final: bool = True
    """Whether the classifier is among them."""
    tokens: Literal["mean", "each", "heads"] = "mean"
    """Neurons of layers over tokens: features averaged over tokens, of each token, or heads."""
    steps: Literal["each", "last", "mean"] = "each"
    """Neurons of recurrent layers: hidden units at each step, at the last one, or averaged."""
    step_limit: int = 32
    """Steps that sequences are cut, or filled up with zeros, to."""


@dataclass(frozen=True, kw_only=True)
class SubjectChoice(LayerChoice, Common):
    """A network, and images it was trained on."""

    subject: Path | None = None
    """Weights of the network, with its card NAME.json beside it."""
    card: Path | None = None
    """A card elsewhere: JSON with architecture, channels, outputs, input_size, mean and std."""
    train: Path | None = None
    """Images the network was trained on: a folder or an array file."""
    test: Path | None = None
    """Images that test it, of the same classes."""
    layout: str = "auto"
    """How both are laid out: auto, folder, imagenet, imagenet_index, tiny_imagenet, cifar,
    mnist, arrays."""
    train_part: str = ""
    """Which part of the training folder: train, val, test …; empty for the training part."""
    test_part: str = ""
    """Which part of the test folder."""
    train_records: int = 0
    """Training images to look at, drawn at random; 0 takes all."""
    test_records: int = 0
    """Test images to look at, drawn at random; 0 takes all."""
    centre_fraction: float = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""
    storage: Literal["float32", "float16"] = "float32"
    """Of the cached activations; float16 is half as large, and keeps three digits."""


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(CriteriaChoice, SubjectChoice):
    """Measure coverage of a test set, from activations or from a network and its images."""

    arrays: Path | None = None
    """Instead of a network: an .npz file of activations train/LAYER [N, A] and test/LAYER [M, A],
    layers in their order, and, if known, the classes train_labels [N] and test_labels [M]."""
    correct_only: CorrectOnly = "none"
    """Which inputs to keep only where the network names their class: those that criteria are
    built from, those they are evaluated on, or both."""
