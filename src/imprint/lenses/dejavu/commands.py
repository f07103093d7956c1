"""``imprint dejavu``: the tests with two models and with one, and the linear probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from imprint.core.bounds import Bounds
from imprint.launch.options import ManyTasks
from imprint.lenses.dejavu.options import (
    ArraysOptions,
    DejavuChoice,
    LinearProbeOptions,
    OneModelOptions,
    SweepOptions,
)
from imprint.lenses.dejavu.pool_options import PoolOptions
from imprint.study.command import command
from imprint.study.options import Common, DataChoice, WeightsChoice
from imprint.study.plain import JsonObject


@command(
    "dejavu attack",
    "two-model test on embeddings, in one direction",
    example="--arrays embeddings.npz --out runs/attack",
    main=("out", "arrays", "k", "voting", "metric", "top_percent", "top_classes", "seed", "device"),
)
@dataclass(frozen=True, kw_only=True)
class AttackArrays(ArraysOptions):
    """Run the two-model déjà vu test in one direction on embeddings of your own.

    The file holds public [M, d], public_labels [M], crops_target [N, d], crops_reference [N, d],
    labels [N] and, if wanted, public_reference [M, e] and index [N].
    """

    def run(self) -> JsonObject:
        """Attack; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.arrays import attack_arrays

        return finish_arrays(self, attack_arrays(self))


@command(
    "dejavu two-model",
    "two-model test on two checkpoints",
    example="--model-a A.safetensors --model-b B.safetensors --data photos/ --split runs/split "
    "--per-class 300 --out runs/two",
    main=(
        *("out", "model_a", "model_b", "data", "split", "per_class", "crop", "min_crop_px"),
        *("layer", "k", "metric", "decision", "top_percent", "top_classes", "controls"),
        *("export_legacy", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class TwoModel(ManyTasks, DejavuChoice, DataChoice, WeightsChoice):
    """Run the two-model déjà vu test on two trained encoders, and write the report.

    Each encoder is a file of weights with its card beside it (NAME.json); the partition is a
    folder of imprint data split, or of the audit that trained them.
    """

    model_a: Path
    """Weights of the encoder trained on set A."""
    model_b: Path
    """Weights of the encoder trained on set B."""
    split: Path
    """The partition: a folder of imprint data split, or the study of an audit."""
    per_class: Annotated[int, Bounds(least=1)]
    """Images of each class in A and in B: which partition of the folder to use."""

    def run(self) -> JsonObject:
        """Attack; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.two_model import two_model_audit
        from imprint.nets.load import network_file

        files = {"A": self.model_a, "B": self.model_b}
        models = {name: network_file(file, self) for name, file in files.items()}
        return two_model_audit(self, self, models, self.split, self.per_class)


@command(
    "dejavu pool",
    "pool two-model tests of encoders trained with other seeds",
    example="--studies runs/seed0,runs/seed1,runs/seed2 --out runs/pooled",
    main=("out", "studies", "top_percent", "seed", "json", "stamp"),
)
@dataclass(frozen=True, kw_only=True)
class Pool(PoolOptions):
    """Pool two-model tests of several pairs of encoders, trained on the same images.

    Each folder holds a finished two-model test, of imprint dejavu two-model or imprint audit, of
    the same images, partition, crops and settings of the attack. One interval holds the variance
    between the pairs and between images.
    """

    def run(self) -> JsonObject:
        """Pool the tests; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.pool_studies import pool_studies

        return pool_studies(self)


@command(
    "dejavu sweep",
    "two-model test over epochs and varied options",
    example="--data photos/ --vary per_class=100:300,layer=backbone:projector --out runs/sweep",
    main=(
        *("out", "vary", "data", "per_class", "train.objective", "train.architecture"),
        *("train.epochs", "train.snapshot_every", "crop", "layer", "k", "top_percent"),
        *("linear_probe", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class Sweep(SweepOptions):
    """Train encoders under several settings, run the two-model test at every snapshot, and plot it.

    Options are varied by --vary, or in a YAML file under vary, each option with a list of values.
    Points with equal encoders share them. An interrupted sweep resumes when the same command is
    run again.
    """

    def run(self) -> JsonObject:
        """Run the sweep; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.sweep import audit_sweep

        return audit_sweep(self)


@command(
    "dejavu one-model",
    "one-model test: one checkpoint against reference classifiers",
    example="--model m.safetensors --data photos/ --members train.npy --out runs/one",
    main=(
        *("out", "model", "arrays", "data", "members", "non_members", "split", "references"),
        *("folds", "crop", "layer", "k", "top_percent", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class OneModel(OneModelOptions):
    """Run the one-model déjà vu test on one network, with a report, or on arrays alone, without.

    Reference classifiers that name the object from the background stand in for a second model;
    they are trained here, cross-fitted, so that none predicts a crop it was trained on. With
    --arrays nothing is trained: the file holds public [M, d], public_labels [M],
    crops_target [N, d], labels [N] and reference_probs [N, C] of a reference that was not trained
    on these crops; if wanted more such reference_probs_NAME, index [N], and members [N], 0 for
    images the network was not trained on.
    """

    arrays: Path | None = None
    """Instead of a network: an .npz file of embeddings and reference probabilities."""

    def run(self) -> JsonObject:
        """Run the test; return the content of ``summary.json``."""
        from imprint.core.errors import ImprintError
        from imprint.lenses.dejavu.study.arrays import one_model_arrays
        from imprint.lenses.dejavu.study.one_model import one_model_audit

        if (self.arrays is None) == (self.model is None):
            raise ImprintError("give either --model, the weights of a network, or --arrays")
        if self.arrays is None:
            return one_model_audit(self)
        return finish_arrays(self, one_model_arrays(self.arrays, self))


def finish_arrays(options: Common, summary: JsonObject) -> JsonObject:
    """Print what a command on arrays wrote, and write the options that replay it."""
    from imprint.report.summary import finish_without_page
    from imprint.report.terminal import TERMINAL, print_all

    if not options.json:
        print_all(TERMINAL.get("dejavu")(summary["lenses"]["dejavu"]) or ())
    finish_without_page(options)
    return summary


@command(
    "dejavu linear-probe",
    "accuracy of a linear probe on members and non-members",
    example="--model m.safetensors --data photos/ --members train.npy --non-members test.npy "
    "--out runs/probe",
    main=(
        *("out", "model", "data", "members", "non_members", "depths", "probe.layer"),
        *("probe.epochs", "probe.batch_size", "probe.start_learning_rate"),
        *("probe.end_learning_rate", "k", "crop", "seed", "device"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class LinearProbe(LinearProbeOptions):
    """Train a linear classifier on a frozen encoder; measure it on members and non-members.

    With --depths all a classifier of every depth is trained in one pass over the members. They are
    kept in OUT/probes/probes.safetensors, and OUT/report.html compares their gaps between members
    and non-members with those of neighbours and of the attack on background crops.
    """

    def run(self) -> JsonObject:
        """Train and measure; return what ``linear_probe.json`` or ``summary.json`` holds."""
        if self.depths == "all":
            from imprint.lenses.dejavu.study.probed_depths import probe_depths

            return probe_depths(self)
        from imprint.lenses.dejavu.page.tables import probe_table
        from imprint.lenses.dejavu.study.encoders import probe_network
        from imprint.report.summary import finish_without_page
        from imprint.report.terminal import print_all
        from imprint.study.finding import to_json

        accuracies = probe_network(self)
        if not self.json:
            print_all([probe_table({self.model.stem: accuracies}, title="Linear probe")])
        finish_without_page(self)
        return dict(to_json(accuracies))
