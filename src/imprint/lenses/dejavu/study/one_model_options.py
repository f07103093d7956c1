"""What can be chosen about the one-model test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imprint.data.augmentation import Augmentation
from imprint.study.option_types import Names
from imprint.study.options import AttackChoice, Common, CropChoice, DataChoice, WeightsChoice
from imprint.train.options import TrainOptions

CLASSIFIER = TrainOptions(
    objective="supervised",
    architecture="patch_convnet",
    projector="",
    epochs=10,
    warmup=0.2,
    snapshot_every=0,
    first_view=Augmentation(scale=(0.4, 1.0)),
)
"""A small classifier of crops, trained in seconds; the published one is a ResNet-50 (recipes)."""


@dataclass(frozen=True, kw_only=True)
class TestedModelChoice(WeightsChoice):
    """Which network is tested, and which images it was trained on."""

    subject: Path | None = None
    """Weights of the one network to test, with its card NAME.json beside it, or a folder that
    transformers' save_pretrained wrote."""
    train_indices: Path | None = None
    """A .npy file: images it was trained on; left out, all but those held out."""
    held_out: Path | None = None
    """A .npy file: images it was not trained on; left out, all but those it was trained on."""


@dataclass(frozen=True, kw_only=True)
class ReferenceChoice:
    """What stands in for the second model."""

    references: Names = ("crop_classifier", "naive_bayes", "linear_head")
    """Which: a classifier of crops, Naive Bayes on tags, a linear head on frozen features."""
    learn_from: Literal["all", "attacked"] = "attacked"
    """Crops that references learn from: of attacked images, as much as a second model would know;
    or all, those of public images as well, which may explain more than a second model could."""
    folds: int = 5
    """Parts the attacked images fall into, each judged by references trained on the others; 1:
    references are trained once, on other images (as published: from attacked ones, unseen)."""
    seeds: int = 1
    """How often references are trained anew; their probabilities are averaged."""
    calibrate: bool = True
    """Bring the references' entropies to one scale (published: as they come)."""
    classifier: TrainOptions = field(default_factory=lambda: CLASSIFIER)
    """How the classifier of crops is trained."""
    classifier_steps: int = 80
    """Its least steps: of few crops it takes more epochs, for the same number of batches."""
    tags: Path | None = None
    """Tags of the crops made elsewhere, CSV or JSON; left out, words for colour and texture."""
    top_tags: int = 5
    """How many of a crop's tags count, those with the highest scores."""
    smoothing: float = 1.0
    """What Naive Bayes adds to every count."""
    feature_encoder: Path | None = None
    """Weights of a network that never saw the images, for the linear head; left out, colours and
    edges."""
    exclude: Path | None = None
    """A .npy list of images that nothing is claimed of, since background alone explains them."""


@dataclass(frozen=True, kw_only=True)
class OneModelOptions(
    TestedModelChoice, ReferenceChoice, AttackChoice, CropChoice, DataChoice, Common
):
    """Attack one network; references stand in for a second one."""

    split: Path | None = None
    """Instead of lists of images: the partition of which the network was trained on one set, a
    folder of imprint data split or of an audit."""
    trained_on: Literal["auto", "A", "B", "all"] = "auto"
    """Which set of --split it was trained on; all: on both and the public images, so none is
    unseen. auto: as its card says; else all for the published files of others, A for any other."""
    per_class: int = 13
    """Which size of the partition."""
    controls: bool = True
    """Also attack with permuted labels and with an untrained network, which must find nothing."""
    export_legacy: bool = False
    """Also write the arrays of the original release, test of seen images and valid of others."""
