"""Options of the coverage commands, and of the coverage step of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.launch.options import ManyTasks
from imprint.study.option_types import Formerly, Integers, Names, Parameters
from imprint.study.options import Common, ModelChoice

CorrectOnly = Literal["none", "build", "eval", "both"]
ClassOfTests = Literal["given", "predicted"]
Records = Annotated[int, Bounds(least=0)]
"""Images to use at most; 0 for all."""
Draws = Annotated[int, Bounds(least=2, most=10_000)]
"""Random draws, the results of which are all kept in memory."""


@dataclass(frozen=True, kw_only=True)
class CriteriaChoice(Checked):
    """Which criteria, with which settings."""

    criteria: Names = ("all",)
    """Criteria to measure, or all; see imprint list criteria. One that lacks what it needs is
    reported as missing, with the reason."""
    param: Parameters = ()
    """Settings of single criteria, such as kmnc.k=10."""


@dataclass(frozen=True, kw_only=True)
class AttackStrength(Checked):
    """How hard attacks try to fool a network."""

    epsilon: Annotated[float, Bounds(above=0, most=1)] = 8 / 255
    """Largest change of a pixel in [0, 1] by fgsm, bim and pgd; usual: 0.031, on MNIST 0.3."""
    attack_steps: Annotated[int, Bounds(least=1, most=10_000)] = 20
    """Steps of bim, pgd, deepfool and cw."""


@dataclass(frozen=True, kw_only=True)
class LayerChoice(Checked):
    """Which layers of a network to observe, and what counts as a neuron."""

    layers: Names = ()
    """Module paths of the layers to observe, each with all below it; empty for every layer."""
    exclude_layers: Annotated[Names, Formerly("exclude")] = ()
    """Module paths to leave out, such as the head of a detector."""
    layer_index: Integers = ()
    """Keep only these of the remaining layers, counted from 0."""
    third: Literal["all", "first", "middle", "last"] = "all"
    """Of the remaining layers, one third of the depth."""
    final: bool = True
    """Whether the classifier is among them."""
    tokens: Literal["mean", "each", "heads"] = "mean"
    """Neurons of layers over tokens: features averaged over tokens, of each token, or heads."""
    steps: Literal["each", "last", "mean"] = "each"
    """Neurons of recurrent layers: hidden units at each step, at the last one, or averaged."""
    step_limit: Annotated[int, Bounds(least=1)] = 32
    """Steps to which sequences are cut, or padded with zeros."""
    neuron_values: Literal["raw", "activated"] = "raw"
    """Value of a neuron: the output of its layer as it is, or behind the activation function that
    follows before the next layer."""


@dataclass(frozen=True, kw_only=True)
class NetworkChoice(ModelChoice, Common):
    """A network, and images it was trained on."""

    members: Annotated[Path | None, Formerly("train")] = None
    """Images the network was trained on: a folder or an array file."""
    layout: str = "auto"
    """Layout of the data: auto, or a name that imprint list layouts prints."""
    skip_corrupt: bool = False
    """Leave out images that cannot be decoded, and name them, instead of stopping."""
    members_part: Annotated[str, Formerly("train_part")] = ""
    """Which part of the members' folder: train, val, test …; empty for the training part."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""


@dataclass(frozen=True, kw_only=True)
class MembersChoice(LayerChoice, NetworkChoice):
    """A network, its layers, and how many of its training images are passed through it."""

    member_records: Annotated[Records, Formerly("train_records")] = 0
    """Maximum number of training images, drawn at random; 0 for all."""
    storage: Literal["float32", "float16"] = "float32"
    """Type of the cached activations; float16 takes half the space and keeps three digits."""


@dataclass(frozen=True, kw_only=True)
class NetworkTestChoice(MembersChoice):
    """A network, images it was trained on, and images that test it."""

    tests: Annotated[Path | None, Formerly("test")] = None
    """Images that test the network, of the same classes."""
    tests_part: Annotated[str, Formerly("test_part")] = ""
    """Which part of the tests' folder: train, val, test …; empty for the training part."""
    test_records: Records = 0
    """Maximum number of test images, drawn at random; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class ImportanceChoice(Checked):
    """Which neurons are important: attribution for IDC, votes for WISDOM."""

    attribution: str = "lrp"
    """Attribution that ranks the neurons of IDC; see imprint list attributions. random is the
    control."""
    importance_records: Records = 1000
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    vote_attributions: Annotated[Names, Formerly("vote_methods")] = ("la", "ldl", "lgs", "lrp")
    """Attributions that vote for the neurons of WISDOM; lc and ii take a path of 50 steps each, lig
    one for each layer."""
    vote_records: Records = 960
    """Maximum number of training images in the vote, drawn at random; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class TablesChoice(Checked):
    """Existing tables of importance and of votes."""

    importance: Path | None = None
    """Table that ranks the neurons of IDC in place of attribution: Parquet, a CSV
    LayerName,NeuronIndex,Score, or the old JSON of one layer, named LAYER_CLASS.json."""
    votes: Path | None = None
    """CSV of votes, LayerName,NeuronIndex,Score, that ranks the neurons of WISDOM."""


@dataclass(frozen=True, kw_only=True)
class ImportanceOptions(NetworkChoice):
    """Attribute the outputs of a network to the neurons of every layer."""

    attributions: Annotated[Names, Formerly("methods")] = ("lrp",)
    """Attributions, all from the same passes; see imprint list attributions. random is the
    control."""
    records: Records = 0
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    target: Literal["true", "predicted", "all"] = "true"
    """Output to explain: of the true class, of the predicted one, or the sum of all."""
    reduce: Literal["sum", "mean", "max_abs"] = "sum"
    """How the positions of a channel become one score."""
    sign: Literal["signed", "abs", "positive"] = "signed"
    """What is reduced: signed values, their absolute values, or their positive parts."""
    scaling: Literal["none", "layer_sum", "layer_z", "per_position"] = "none"
    """Units that make layers comparable: as published, share of the layer, z-score, per position.
    per_position divides sums: not with --reduce mean or max_abs, lgc or lfa."""
    rule: Literal["epsilon0", "epsilon", "gamma", "alpha2_beta1", "alpha3_beta2", "composite"] = (
        "epsilon0"
    )
    """Rule of lrp; composite is gamma in the lower third, epsilon in the middle, epsilon0 on
    top."""
    path_steps: Annotated[int, Bounds(least=1)] = 50
    """Steps of paths from the baseline to the input."""
    quadrature: Literal["trapezoid", "gauss_legendre"] = "trapezoid"
    """Points of paths (lc, ii, lig): even steps with both ends, or Gauss and Legendre's as Captum
    takes, which lose the ends of a conductance."""
    top_neurons: Annotated[int, Bounds(least=1), Formerly("top")] = 10
    """Leading neurons to list."""
    export_legacy: Annotated[bool, Formerly("old_files")] = False
    """Also write OUT/importance/METHOD, the old form: scores.csv, and a JSON file per layer and
    class."""
    correct_only: bool = False
    """Leave out images that the network misclassifies."""


@dataclass(frozen=True, kw_only=True)
class WisdomOptions(NetworkChoice):
    """Let attributions vote for the neurons they agree on."""

    attributions: Annotated[Names, Formerly("methods")] = ("la", "ii", "lc", "ldl", "lgs", "lrp")
    """Attributions that vote; see imprint list attributions."""
    published_formulas: Annotated[bool, Formerly("published")] = False
    """Count as Torch4DeepImportance does: raw gains and scores, all batches, 10 points per
    batch."""
    mode: Literal["fine", "coarse"] = "fine"
    """What votes: the consensus of all attributions, or the one of the largest gain alone."""
    top_neurons: Annotated[int, Bounds(least=1), Formerly("top")] = 10
    """Leading neurons to find."""
    records: Records = 0
    """Maximum number of training images in the vote, drawn at random; 0 for all, until it has
    settled."""
    batch_size: Annotated[int, Bounds(least=1)] = 32
    """Images per ballot; published tables are of 32."""
    window: Annotated[int, Bounds(least=0)] = 20
    """Batches over which the leading neurons must stay for the vote to settle; 0 counts all."""
    selector: Literal["none", "model", "layers"] = "none"
    """Also train a selector of the best attribution for an input, in the whole model or each layer.
    OUT/selector/inputs.parquet holds the gain of each attribution on each image."""
    selector_records: Records = 1000
    """Images to train and test the selector on, drawn at random; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class ApplySelectorOptions(NetworkChoice):
    """Rank neurons by the attribution that a trained selector chooses for each image."""

    selector: Path
    """Selector that imprint coverage wisdom --selector trained, OUT/selector/selector.safetensors.
    """
    records: Records = 0
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    top_neurons: Annotated[int, Bounds(least=1)] = 10
    """Leading neurons to list."""


@dataclass(frozen=True, kw_only=True)
class MonitorOptions(ManyTasks, TablesChoice, ImportanceChoice, NetworkTestChoice):
    """Make a novelty monitor of a network, and apply it to test images."""

    top_neurons: Annotated[int, Bounds(least=1), Formerly("top")] = 10
    """Neurons to monitor: the most important."""
    clusters: Annotated[int, Bounds(least=0)] = 2
    """Clusters of each neuron; 0 chooses 2 … 9 by silhouette."""


@dataclass(frozen=True, kw_only=True)
class RankedNetworkChoice(TablesChoice, ImportanceChoice, NetworkTestChoice):
    """A network with its images, and what ranks its neurons."""


@dataclass(frozen=True, kw_only=True)
class SourceChoice(RankedNetworkChoice):
    """Activations, of a file or of a network and its images, and what ranks their neurons."""

    arrays: Path | None = None
    """Activations in an .npz file, in place of a network. Arrays train/LAYER [N, A] and
    test/LAYER [M, A], layers in their order, and, if known, train_labels [N], test_labels [M] and
    probabilities [M, C] of the tests' classes."""


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(ManyTasks, CriteriaChoice, SourceChoice):
    """Measure coverage of a test set, from activations or from a network and its images."""

    correct_only: CorrectOnly = "none"
    """Keep only correctly classified inputs of those that criteria and importance are built from,
    of those they are evaluated on, or of both."""
    fitted: Path | None = None
    """File that imprint coverage fit wrote, OUT/fitted.safetensors, in place of --members."""
    earlier: Names = ()
    """With --fitted: folders of earlier measurements by the same file, DIR,DIR, whose tests count
    as well."""
    per_input: bool = False
    """Also write OUT/per_input.parquet: label, prediction, novelty, degrees of surprise, and the
    gain under each criterion in the order tested, a row per test."""
    class_of_tests: ClassOfTests = "given"
    """Class by which surprise criteria judge a test: the given one, or the one that the network
    predicts, as always where none is given."""
    per: Names = ()
    """Also coverage of important neurons by part: class, layer, group (a third of the depth)."""
    search: bool = False
    """Also search for the clusterer whose coverage correlates best with the network's F1."""
    search_trials: Annotated[int, Bounds(least=0)] = 32
    """Configurations of scikit-learn's clusterers to try, beyond every k of exact clusters."""


@dataclass(frozen=True, kw_only=True)
class CoverageStep(CriteriaChoice, ImportanceChoice):
    """The coverage step of an audit: what unseen images exercise in one of its models."""

    skip: bool = False
    """Skip this step."""
    records: Records = 0
    """Maximum number of test images, drawn at random; 0 for as many as the network was trained on,
    so that both are comparable."""
    importance_records: Records = 480
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    vote_records: Records = 480
    """Maximum number of training images in the vote, drawn at random; 0 for all."""


@dataclass(frozen=True, kw_only=True)
class OwnCoverageChoice(CriteriaChoice, ImportanceChoice, LayerChoice):
    """How coverage of the user's model is measured."""

    importance_records: Records = 480
    """Maximum number of members to attribute, drawn at random; 0 for all."""
    vote_records: Records = 480
    """Maximum number of members in the vote, drawn at random; 0 for all."""
