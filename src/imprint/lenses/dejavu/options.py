"""Options of the déjà vu tests, one group a dataclass."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.data.augmentation import SECOND_VIEW, Augmentation
from imprint.launch.options import ManyTasks
from imprint.lenses.dejavu.doubt_options import DoubtChoice, OwnDoubtChoice
from imprint.lenses.dejavu.public_options import PublicChoice
from imprint.neighbors.ivfpq_options import IvfPqOptions
from imprint.study.option_types import Formerly, Names, Numbers, Settings
from imprint.study.options import Common, CropChoice, DataChoice, ModelChoice, WeightsChoice
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions

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
class VoteChoice(Checked):
    """How neighbours vote for the class of a crop, and what is reported."""

    k: Annotated[int, Bounds(least=1)] = 20
    """Public neighbours that are searched (published: 100)."""
    voting: Annotated[int, Bounds(least=0)] = 0
    """Nearest of them that vote; 0 for all k."""
    metric: Literal["l2", "cosine"] = "l2"
    """Distance between representations."""
    top_percent: Annotated[Numbers, Bounds(above=0, most=100), Formerly("confidence")] = (100, 20)
    """Report the top-k % most confident images, for each of these percentages."""
    top_classes: Annotated[int, Bounds(least=1), Formerly("top")] = 1
    """A guess is right when the label is among this many most voted classes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.top_percent:
            raise OptionError(VoteChoice, "top_percent", "is empty: give percentages in (0, 100]")
        if self.voting > self.k:
            complaint = f"must be at most k ({self.k}), got {self.voting}"
            raise OptionError(VoteChoice, "voting", complaint)


@dataclass(frozen=True, kw_only=True)
class AttackChoice(VoteChoice):
    """How the class of a crop is guessed."""

    layer: Literal["auto", "backbone", "projector", "logits"] = "auto"
    """The representation that is searched. By default the projector, the backbone of a network
    without one, the logits with --decision logits."""
    decision: Literal["neighbours", "logits"] = "neighbours"
    """What guesses: the vote of the neighbours, or the classifier itself, by its logits."""
    search: Literal["exact", "ivfpq"] = "exact"
    """How neighbours are searched. ivfpq: approximately, for 10⁷ public images and more, with the
    recall measured against the exact search; needs imprint[knn]."""
    ivfpq: IvfPqOptions = field(default_factory=IvfPqOptions)
    """The approximate search."""


def attack_of(options: AttackChoice) -> AttackChoice:
    """Return the options of the attack alone, without those of other groups."""
    names = [each.name for each in dataclasses.fields(AttackChoice)]
    return AttackChoice(**{name: getattr(options, name) for name in names})


@dataclass(frozen=True, kw_only=True)
class CropAttackChoice(AttackChoice, CropChoice, Common):
    """How background crops are made and attacked."""


@dataclass(frozen=True, kw_only=True)
class DejavuChoice(CropAttackChoice, PublicChoice, DoubtChoice):
    """How the two-model test is run and what it leaves behind."""

    controls: bool = True
    """Also test untrained encoders and permuted labels, where there is nothing to find."""
    export_legacy: bool = False
    """Also write the arrays and curves of the original release, under their names."""


@dataclass(frozen=True, kw_only=True)
class TestedModelChoice(ModelChoice):
    """Which network is tested, and which images it was trained on."""

    members: Annotated[Path | None, Formerly("train_indices")] = None
    """A .npy file: indices of images it was trained on. Left out: all but the non-members."""
    non_members: Annotated[Path | None, Formerly("held_out")] = None
    """A .npy file: indices of images it was not trained on. Left out: all but the members."""


@dataclass(frozen=True, kw_only=True)
class ReferenceChoice(Checked):
    """What stands in for the second model."""

    references: Names = ("crop_classifier", "naive_bayes", "linear_head")
    """Reference classifiers: a network trained on crops, Naive Bayes on tags, a linear head on
    frozen features."""
    learn_from: Literal["all", "attacked"] = "attacked"
    """Crops that references are trained on. attacked: as many as a second model would be trained
    on; all: those of public images as well, which may explain more than a second model could."""
    folds: Annotated[int, Bounds(least=1)] = 5
    """Parts the attacked images are split into, each predicted by references trained on the others.
    With 1, references are trained once, on other images (as published: on non-members)."""
    seeds: Annotated[int, Bounds(least=1)] = 1
    """Number of training seeds of the references; their probabilities are averaged."""
    calibrate: bool = True
    """Calibrate each reference by a temperature (published: no calibration)."""
    classifier: TrainOptions = field(default_factory=lambda: CLASSIFIER)
    """How the classifier of crops is trained."""
    classifier_steps: Annotated[int, Bounds(least=0)] = 80
    """Minimum number of training steps of the crop classifier; with few crops it trains for more
    epochs."""
    tags: Path | None = None
    """Tags of the crops made elsewhere, CSV or JSON. Left out: words for colour and texture."""
    top_tags: Annotated[int, Bounds(least=1)] = 5
    """Number of highest-scoring tags per crop that are used."""
    clouds: Annotated[int, Bounds(least=0)] = 1000
    """Maximum number of classes with a word cloud of their --tags, the most telling first."""
    smoothing: Annotated[float, Bounds(above=0)] = 1.0
    """Additive smoothing of the counts of Naive Bayes."""
    feature_encoder: Path | None = None
    """Weights of a network that was not trained on the images, for the linear head. Left out:
    colours and edges."""
    exclude_images: Annotated[Path | None, Formerly("exclude")] = None
    """A .npy file: indices of images to exclude from claims of memorization, since their
    background alone explains them."""


@dataclass(frozen=True, kw_only=True)
class OneModelOptions(
    ManyTasks,
    TestedModelChoice,
    ReferenceChoice,
    AttackChoice,
    PublicChoice,
    DoubtChoice,
    CropChoice,
    DataChoice,
    Common,
):
    """Test one network; references stand in for a second one."""

    split: Path | None = None
    """Instead of lists of images: the partition of which the network was trained on one set, a
    folder of imprint data split or of an audit."""
    trained_on: Literal["auto", "A", "B", "all"] = "auto"
    """Which set of --split it was trained on. all: both and the public images, so there are no
    non-members. auto: as its card says; else all for published files of other projects, A for any
    other."""
    per_class: Annotated[int, Bounds(least=1)] = 13
    """Which size of the partition."""
    controls: bool = True
    """Also test permuted labels and an untrained network, where there is nothing to find."""
    export_legacy: bool = False
    """Also write the arrays of the original release, test of members, valid of non-members, and its
    table of every reference, REFERENCE.csv."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions(ManyTasks, CropAttackChoice, PublicChoice, DataChoice):
    """Train encoders under several settings, test each of them at every snapshot."""

    vary: Settings = ()
    """Options to vary, one at a time from the base settings: OPTION=VALUE:VALUE:…, as in
    per_class=5:9:13,layer=backbone:projector,seed=0:1,train.objective_options.invariance=5:25, or
    with bars where values hold colons, train.architecture=resnet18|timm:NAME. Without it, only the
    epochs of the snapshots are compared."""
    per_class: Annotated[int, Bounds(least=1)] = 13
    """Images of each class that each encoder is trained on."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How encoders are trained."""
    linear_probe: bool = True
    """Also train linear probes on every checkpoint: does their gap reveal what the attack does?"""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probes are trained."""


@dataclass(frozen=True, kw_only=True)
class ArraysOptions(VoteChoice, Common):
    """Test two models on embeddings, in one direction."""

    arrays: Path
    """An .npz file of embeddings."""
    k: Annotated[int, Bounds(least=1)] = 100
    """Public neighbours that are searched."""


@dataclass(frozen=True, kw_only=True)
class LinearProbeOptions(DataChoice, WeightsChoice, CropChoice, Common):
    """Train and measure linear probes on one encoder."""

    model: Annotated[Path, Formerly("subject")]
    """Weights of the encoder, with its card beside it."""
    members: Annotated[Path, Formerly("train_indices")]
    """A .npy file: indices of images the encoder was trained on."""
    non_members: Annotated[Path, Formerly("held_out")]
    """A .npy file: indices of images it was not trained on."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probe is trained."""
    view: Augmentation = field(default_factory=lambda: SECOND_VIEW)
    """Augmentation of the training images."""
    depths: Literal["one", "all"] = "one"
    """Which representations get a probe: the one of --probe.layer, or all of them, the backbone's
    and every stage of the projector's, side by side in one pass. all also keeps the probes and the
    log, and reports at each depth what neighbours and the attack on background crops make of
    members."""
    k: Annotated[int, Bounds(least=1)] = 20
    """Neighbours that vote, with --depths all."""
    metric: Literal["l2", "cosine"] = "l2"
    """Distance between representations, with --depths all."""


@dataclass(frozen=True, kw_only=True)
class OwnDejavuChoice(VoteChoice, PublicChoice, OwnDoubtChoice):
    """How déjà vu of the user's model is tested."""

    attacked: Annotated[int, Bounds(least=0)] = 2000
    """Maximum number of members to attack, drawn at random; 0 for all."""
    corner_fraction: Annotated[float, Bounds(above=0, most=1)] = 0.3
    """Side of the corner crop of images without object boxes, as a share of the image's sides."""
    corner: Literal["lower_left", "lower_right", "upper_left", "upper_right"] = "lower_left"
    """Which corner."""
    references: Names = ("naive_bayes", "linear_head")
    """Reference classifiers of backgrounds: naive_bayes on visual words, linear_head on colours and
    edges, crop_classifier, a network trained on crops."""
    folds: Annotated[int, Bounds(least=2)] = 5
    """Parts the attacked images are split into, each predicted by references trained on the
    others."""
    controls: bool = True
    """Also test where there is nothing to find."""

    @property
    def reference_choice(self) -> ReferenceChoice:
        """The references as the test takes them."""
        return ReferenceChoice(references=tuple(self.references), folds=self.folds)
