"""``imprint coverage``: which behaviours of a network does a test set exercise?"""

from __future__ import annotations

from dataclasses import dataclass

from imprint.lenses.coverage.detectors.options import DetectionOptions
from imprint.lenses.coverage.experiments.ablation_options import AblateOptions
from imprint.lenses.coverage.experiments.adversarial_options import AdversarialOptions
from imprint.lenses.coverage.experiments.class_options import ClassesOptions
from imprint.lenses.coverage.experiments.cost_options import CostOptions
from imprint.lenses.coverage.experiments.impartiality_options import ImpartialityOptions
from imprint.lenses.coverage.experiments.sensitivity_options import SensitivityOptions
from imprint.lenses.coverage.faults.options import FuzzOptions
from imprint.lenses.coverage.fits.options import FitOptions, MergeOptions
from imprint.lenses.coverage.options import (
    ApplySelectorOptions,
    ImportanceOptions,
    MeasureOptions,
    MonitorOptions,
    WisdomOptions,
)
from imprint.lenses.coverage.selection_options import PrioritiseOptions, SelectOptions
from imprint.study.command import command
from imprint.study.listing import listed
from imprint.study.plain import JsonObject

MODEL = ("out", "model", "members")
ON_MODEL = "--model model.safetensors --members train/"
listed("criteria", "coverage criteria", "imprint.lenses.coverage.criterion.criterion:CRITERIA")
listed(
    "attributions",
    "attributions of outputs to neurons",
    "imprint.probe.attribution.layer_attribution:ATTRIBUTORS",
)
listed("adversarial", "adversarial attacks", "imprint.perturb.adversarial:ADVERSARIAL_ATTACKS")
listed(
    "mutations",
    "mutations of images for fuzzing",
    "imprint.lenses.coverage.fuzzing.mutation:MUTATIONS",
)


@command(
    "coverage measure",
    "coverage of a network by a test set, by every criterion",
    example=f"{ON_MODEL} --tests test/ --criteria idc,kmnc,nbc --out runs/coverage",
    main=(
        *(*MODEL, "tests", "arrays", "criteria", "param", "layers", "attribution", "correct_only"),
        *("per", "per_input", "fitted", "earlier", "member_records", "test_records"),
        "seed",
        "device",
    ),
)
@dataclass(frozen=True, kw_only=True)
class Measure(MeasureOptions):
    """Measure how much of a network a test set exercises, by every coverage criterion.

    Activations of the training and test images are computed in one pass each and kept in
    OUT/activations; all criteria are computed from them. With --arrays no network is needed. Each
    value is shown with its ceiling, the largest value that a test set of this size can have, and
    its 95 % interval over test sets.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.measure import measure_study

        return measure_study(self)


@command(
    "coverage fit",
    "criteria fitted to training data, for many measurements",
    example=f"{ON_MODEL} --criteria kmnc,nbc,lsc --out runs/fit",
    main=(
        *(*MODEL, "arrays", "criteria", "param", "layers", "attribution", "correct_only"),
        *("member_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Fit(FitOptions):
    """Fit coverage criteria to training data once.

    OUT/fitted.safetensors holds what they learned. imprint coverage measure --fitted measures tests
    by it, with the same numbers as without, and no training image. It holds values of training
    inputs (the traces that surprise criteria compare with): hand it on as you would these.
    """

    def run(self) -> JsonObject:
        """Fit; return the content of ``summary.json``."""
        from imprint.lenses.coverage.fits.fit import fit_study

        return fit_study(self)


@command(
    "coverage merge",
    "coverage by the tests of several shards or days together",
    example="--studies runs/monday,runs/tuesday --fitted runs/fit/fitted.safetensors "
    "--out runs/week",
    main=("out", "studies", "fitted", "seed", "json", "stamp"),
)
@dataclass(frozen=True, kw_only=True)
class Merge(MergeOptions):
    """Merge measurements of different tests by the same fitted criteria.

    Each folder was made by imprint coverage measure --fitted, or is a merge of such. Criteria that
    count marks have the value, ceiling and interval of measuring all tests at once; those that
    depend on the order of inputs are missing. Tests of a set that is in two folders are refused.
    """

    def run(self) -> JsonObject:
        """Merge; return the content of ``summary.json``."""
        from imprint.lenses.coverage.fits.measure_fitted import merge_study

        return merge_study(self)


@command(
    "coverage importance",
    "importance of every neuron, by attribution",
    example=f"{ON_MODEL} --attributions lrp,ldl --out runs/importance",
    main=(
        *(*MODEL, "attributions", "records", "target", "reduce", "sign", "scaling", "rule"),
        *("path_steps", "top_neurons", "correct_only", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Importance(ImportanceOptions):
    """Attribute the outputs of a network to the neurons of all its layers.

    OUT/importance/METHOD.parquet has a row per class and neuron, and rows of class -1 over all
    images. Most attributions share one backward pass for all layers.
    """

    def run(self) -> JsonObject:
        """Attribute; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.importance import importance_study

        return importance_study(self)


@command(
    "coverage wisdom",
    "neurons that several attributions agree on",
    example=f"{ON_MODEL} --attributions la,ldl,lgs,lrp --out runs/wisdom",
    main=(
        *(*MODEL, "attributions", "records", "batch_size", "window", "mode", "published_formulas"),
        *("top_neurons", "selector", "selector_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Wisdom(WisdomOptions):
    """Let attributions vote for neurons, weighted by the loss gain of those they choose.

    OUT/wisdom/votes.csv has the published form, LayerName,NeuronIndex,Score. The vote ends once
    its leaders have settled; the report says how often each leads in resamples of the ballots.
    """

    def run(self) -> JsonObject:
        """Vote; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.wisdom import wisdom_study

        return wisdom_study(self)


@command(
    "coverage selector",
    "neurons ranked by the attribution chosen for each image",
    example=f"{ON_MODEL} --selector runs/wisdom/selector/selector.safetensors --out runs/chosen",
    main=(*MODEL, "selector", "records", "top_neurons", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class ApplySelector(ApplySelectorOptions):
    """Apply a selector of attributions, which imprint coverage wisdom --selector trained.

    Each image is attributed by the attribution that the selector chooses for it.
    OUT/chosen/attributions.parquet has a row per image; OUT/chosen/importance.parquet ranks the
    neurons, for --importance of the other commands.
    """

    def run(self) -> JsonObject:
        """Apply; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.selector import selector_study

        return selector_study(self)


@command(
    "coverage monitor",
    "novelty of each input of a running network",
    example=f"{ON_MODEL} --tests test/ --top-neurons 10 --out runs/monitor",
    main=(
        *(*MODEL, "tests", "top_neurons", "clusters", "attribution", "importance", "layers"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Monitor(MonitorOptions):
    """Make a monitor that scores the novelty of every input, and apply it to test images.

    The monitor observes the most important neurons. An input in a cell of their clusters that no
    training image reaches has novelty 1; otherwise its novelty is the share of training images in
    fuller cells. OUT/monitor/monitor.safetensors is for imprint.coverage.load_monitor;
    OUT/monitor/novelty.parquet has a row per test image.
    """

    def run(self) -> JsonObject:
        """Monitor; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.monitor import monitor_study

        return monitor_study(self)


@command(
    "coverage prioritise",
    "order tests so that those that reveal faults come first",
    example=f"{ON_MODEL} --tests test/ --out runs/order",
    main=(
        *(*MODEL, "tests", "arrays", "by", "criteria", "param", "layers", "member_records"),
        *("test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Prioritise(PrioritiseOptions):
    """Order tests by what they cover, how surprising they are and how unsure the network is.

    No order reads the classes of the tests; where they are known, the report says how early each
    order finds misclassified tests (APFD, average percentage of faults detected).
    OUT/prioritisation/orders.parquet has a row per test and a column per order, its place from 1.
    """

    def run(self) -> JsonObject:
        """Order; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.prioritise import prioritise_study

        return prioritise_study(self)


@command(
    "coverage select",
    "select few tests that cover as much as many",
    example=f"{ON_MODEL} --tests test/ --criterion kmnc --count 100 --out runs/selection",
    main=(
        *(*MODEL, "tests", "arrays", "criterion", "param", "coverage", "count", "share"),
        "random_draws",
        *("layers", "member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Select(SelectOptions):
    """Select tests one after another, each the one that adds most to a coverage criterion.

    Selection ends at --count, at --share of what all tests cover, or when no test adds anything;
    with --coverage when that value is reached, by no test that can be spared.
    OUT/selection/selected.parquet has a row per selected test; the report compares their coverage
    with that of random sets of as many.
    """

    def run(self) -> JsonObject:
        """Select; return the content of ``summary.json``."""
        from imprint.lenses.coverage.study.select import select_study

        return select_study(self)


@command(
    "coverage ablate",
    "accuracy without the most important neurons, or random ones",
    example=f"{ON_MODEL} --tests test/ --attributions lrp,wisdom --out runs/ablation",
    main=(
        *(*MODEL, "tests", "attributions", "top_counts", "draws", "replacement", "each"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Ablate(AblateOptions):
    """Ablate the neurons that attributions find most important, and measure the accuracy.

    A choice of neurons says something if the network loses more without them than without random
    neurons of the same layers. OUT/ablation/sets.parquet has a row per set of neurons.
    """

    def run(self) -> JsonObject:
        """Ablate; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.ablate import ablate_study

        return ablate_study(self)


@command(
    "coverage classes",
    "neurons of each class, and its accuracy without them",
    example=f"{ON_MODEL} --tests test/ --attributions lrp,ldl --out runs/classes",
    main=(
        *(*MODEL, "tests", "attributions", "top_neurons", "classes", "draws", "replacement"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Classes(ClassesOptions):
    """Find the leading neurons of each class and those that classes share, and ablate them.

    OUT/classes/drops.parquet has a row per attribution and class: the drop of the accuracy on its
    tests and on all others, beside that without random neurons of the same layers.
    OUT/classes/common.parquet has a row per neuron that leads for some class.
    """

    def run(self) -> JsonObject:
        """Ablate; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.classes import classes_study

        return classes_study(self)


@command(
    "coverage impartiality",
    "correlation of coverage with the evenness of predictions",
    example=f"{ON_MODEL} --tests test/ --criteria idc,kmnc,nlc --out runs/impartiality",
    main=(
        *(*MODEL, "tests", "arrays", "criteria", "param", "sizes", "sets", "attack", "epsilon"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MeasureImpartiality(ImpartialityOptions):
    """Measure coverage of test sets of one size whose class mixes differ, and correlate the two.

    OUT/impartiality/sets.parquet has a row per set.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.impartiality import impartiality_study

        return impartiality_study(self)


@command(
    "coverage sensitivity",
    "coverage added by noise on important and on random pixels",
    example=f"{ON_MODEL} --tests test/ --criteria idc,kmnc,nlc --out runs/sensitivity",
    main=(
        *(*MODEL, "tests", "criteria", "param", "pixels", "pixel_share", "deviation", "draws"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MeasureSensitivity(SensitivityOptions):
    """Add noise to the important pixels of tests and to as many random others, and compare.

    A criterion about what matters to the network should gain more from the former.
    OUT/sensitivity/draws.parquet has a row per draw and kind of pixels.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.sensitivity import sensitivity_study

        return sensitivity_study(self)


@command(
    "coverage adversarial",
    "coverage of test sets with adversarial inputs among them",
    example=f"{ON_MODEL} --tests test/ --criteria idc,kmnc,nlc --out runs/adversarial",
    main=(
        *(*MODEL, "tests", "criteria", "param", "attacks", "epsilon", "attacked_records", "sizes"),
        *("shares", "draws", "member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MeasureAdversarial(AdversarialOptions):
    """Replace tests of a set by adversarial inputs, or add them, and compare with fresh clean ones.

    OUT/adversarial/ATTACK holds the inputs of an attack and how often it succeeds,
    OUT/adversarial_changes/sets.parquet a row per set.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.adversarial import adversarial_study

        return adversarial_study(self)


@command(
    "coverage fuzz",
    "coverage-guided fuzzing: mutated images that the network misclassifies",
    example="--model model.safetensors --seeds test/ --budget 10000 --out runs/fuzz",
    main=(
        *(*MODEL, "seeds", "criterion", "budget", "mutations", "strength", "judge", "against"),
        *("int8", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Fuzz(FuzzOptions):
    """Mutate correctly classified images, and keep the mutants that the network misclassifies.

    Mutants that raise the criterion are mutated further. OUT/fuzzing/faults.safetensors holds the
    images of unique faults, which differ in their classes or lie apart in the features;
    OUT/fuzzing/faults.parquet has a row per fault. An interrupted search goes on where it was.
    """

    def run(self) -> JsonObject:
        """Search; return the content of ``summary.json``."""
        from imprint.lenses.coverage.faults.fuzz import fuzz_study

        return fuzz_study(self)


@command(
    "coverage cost",
    "time and memory of coverage beside the bare forward pass",
    example=f"{ON_MODEL} --tests test/ --out runs/cost",
    main=(
        *(*MODEL, "tests", "criteria", "param", "batch_size", "repeats"),
        *("member_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MeasureCost(CostOptions):
    """Time the forward pass, the fit and the update of every criterion apart, after a warm-up.

    OUT/cost/seconds.parquet has a row per measurement. The numbers are times: they differ from run
    to run.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.experiments.cost import cost_study

        return cost_study(self)


@command(
    "coverage detection",
    "blocks of a detector, and what it loses without its leading neurons",
    example="--model yolos/ --data val2017/ --annotations instances.json --out runs/detector",
    main=(
        *("out", "model", "data", "annotations", "attribution", "criterion", "threshold"),
        *("top_counts", "draws", "importance_records", "test_records", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class MeasureDetector(DetectionOptions):
    """Measure parameters, importance and coverage of every block of a detector, and ablate it.

    Some images rank the neurons; on others overlap, confidence, recall and average precision are
    measured without the leading ones, beside random neurons. Needs the extra detection.
    """

    def run(self) -> JsonObject:
        """Measure; return the content of ``summary.json``."""
        from imprint.lenses.coverage.detectors.detect import detection_study

        return detection_study(self)
