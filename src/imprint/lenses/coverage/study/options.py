"""What can be chosen about coverage: of arrays, of one's own network, and within an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imprint.study.option_types import Integers, Names, Parameters
from imprint.study.options import Common, WeightsChoice

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
class NetworkChoice(WeightsChoice, Common):
    """A network, and images it was trained on."""

    subject: Path | None = None
    """Weights of the network, with its card NAME.json beside it, or a folder that transformers'
    save_pretrained wrote."""
    train: Path | None = None
    """Images the network was trained on: a folder or an array file."""
    layout: str = "auto"
    """How folders are laid out: auto, folder, imagenet, imagenet_index, tiny_imagenet, cifar,
    mnist, arrays."""
    skip_corrupt: bool = False
    """Leave out images that cannot be decoded, and name them, instead of stopping."""
    train_part: str = ""
    """Which part of the training folder: train, val, test …; empty for the training part."""
    centre_fraction: float = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""


@dataclass(frozen=True, kw_only=True)
class ModelChoice(LayerChoice, NetworkChoice):
    """A network, images it was trained on, and images that test it."""

    test: Path | None = None
    """Images that test the network, of the same classes."""
    test_part: str = ""
    """Which part of the test folder."""
    train_records: int = 0
    """Training images to look at, drawn at random; 0 takes all."""
    test_records: int = 0
    """Test images to look at, drawn at random; 0 takes all."""
    storage: Literal["float32", "float16"] = "float32"
    """Of the cached activations; float16 is half as large, and keeps three digits."""


@dataclass(frozen=True, kw_only=True)
class ImportanceChoice:
    """Which neurons are important: attribution for IDC, votes for WISDOM."""

    attribution: str = "lrp"
    """Attribution that ranks neurons: la, lgxa, lrp, ldl, ldls, lgs, lig, ii, lc, lgc, lfa;
    random is the control."""
    importance_records: int = 1000
    """Training images to attribute at most, drawn at random; 0 takes all."""
    vote_methods: Names = ("la", "ldl", "lgs", "lrp")
    """Attributions that vote; lc and ii take a path of 50 steps each, lig one for each layer."""
    vote_records: int = 960
    """Training images in the vote at most, drawn at random; 0 takes all."""


@dataclass(frozen=True, kw_only=True)
class TablesChoice:
    """Tables of importance and of votes that are there already."""

    importance: Path | None = None
    """Importance to take the neurons of IDC from, in place of attribution: a Parquet table, a CSV
    LayerName,NeuronIndex,Score, or the old JSON of one layer, named LAYER_CLASS.json."""
    votes: Path | None = None
    """A CSV of votes, LayerName,NeuronIndex,Score, to take the neurons of WISDOM from."""


@dataclass(frozen=True, kw_only=True)
class ImportanceOptions(NetworkChoice):
    """Attribute the outputs of a network to the neurons of every layer."""

    methods: Names = ("lrp",)
    """Attributions, all from the same passes: la, lgxa, lrp, ldl, ldls, lgs, lig, ii, lc, lgc,
    lfa; random is the control."""
    records: int = 0
    """Training images to attribute at most, drawn at random; 0 takes all."""
    target: Literal["true", "predicted", "all"] = "true"
    """Output that is explained: of the given class, of the predicted one, or the sum of all."""
    reduce: Literal["sum", "mean", "max_abs"] = "sum"
    """Over the places of a channel."""
    sign: Literal["signed", "abs", "positive"] = "signed"
    """Of each value before it is reduced: as it is, its size, or its positive part."""
    scaling: Literal["none", "layer_sum", "layer_z", "per_position"] = "none"
    """Units that make layers comparable: as published, share of the layer, z-score, a place."""
    rule: Literal["epsilon0", "epsilon", "gamma", "alpha2_beta1", "alpha3_beta2", "composite"] = (
        "epsilon0"
    )
    """Of lrp; composite is gamma in the lower third, epsilon in the middle, epsilon0 on top."""
    path_steps: int = 50
    """Steps of paths from the baseline to the input."""
    top: int = 10
    """Neurons to list."""
    old_files: bool = False
    """Also write OUT/importance/METHOD, the old form: scores.csv, and a JSON a layer and class."""
    correct_only: bool = False
    """Leave out images whose class the network does not name."""


@dataclass(frozen=True, kw_only=True)
class WisdomOptions(NetworkChoice):
    """Let attributions vote for the neurons they agree on."""

    methods: Names = ("la", "ii", "lc", "ldl", "lgs", "lrp")
    """Attributions that vote."""
    published: bool = False
    """Count as Torch4DeepImportance does: raw gains and scores, all batches, 10 points a batch."""
    mode: Literal["fine", "coarse"] = "fine"
    """The consensus of all methods votes, or the choice of the one of the largest gain alone."""
    top: int = 10
    """Leading neurons that are asked for."""
    records: int = 0
    """Training images in the vote at most, drawn at random; 0 takes all, until it is settled."""
    batch_size: int = 32
    """Images a ballot; published tables are of 32."""
    window: int = 20
    """The vote is settled once the leading neurons stay over so many batches; 0 counts all."""
    selector: Literal["none", "model", "layers"] = "none"
    """Also train a selector: which method to ask of an input, in the whole model or each layer.
    OUT/selector/inputs.parquet tells what each method is worth on each image."""
    selector_records: int = 1000
    """Images to train and test the selector on, drawn at random; 0 takes all."""


@dataclass(frozen=True, kw_only=True)
class MonitorOptions(TablesChoice, ImportanceChoice, ModelChoice):
    """Make a monitor of a network, and show it test images."""

    top: int = 10
    """Neurons to watch: the most important."""
    clusters: int = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(TablesChoice, CriteriaChoice, ImportanceChoice, ModelChoice):
    """Measure coverage of a test set, from activations or from a network and its images."""

    arrays: Path | None = None
    """Instead of a network: an .npz file of activations train/LAYER [N, A] and test/LAYER [M, A],
    layers in their order, and, if known, the classes train_labels [N] and test_labels [M]."""
    correct_only: CorrectOnly = "none"
    """Which inputs to keep only where the network names their class: those that criteria and
    importance are built from, those they are evaluated on, or both."""
    per: Names = ()
    """Also the coverage of important neurons by part: class, layer, group (a third of the
    depth)."""
    search: bool = False
    """Also search for the clusterer whose coverage goes best with the network's accuracy."""
    search_trials: int = 32
    """Configurations of scikit-learn's clusterers to try, beyond every k of exact clusters."""


@dataclass(frozen=True, kw_only=True)
class CoverageStep(CriteriaChoice, ImportanceChoice):
    """The coverage step of an audit: what images that no model was trained on exercise in one."""

    skip: bool = False
    """Leave this step out."""
    records: int = 0
    """Images to test with at most, drawn at random; 0 takes as many as the network was trained on,
    so that what both reach compares."""
    importance_records: int = 480
    """Training images to attribute at most, drawn at random; 0 takes all."""
    vote_records: int = 480
    """Training images in the vote at most, drawn at random; 0 takes all."""
