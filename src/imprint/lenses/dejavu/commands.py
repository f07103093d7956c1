"""``imprint dejavu``: the tests with two models and with one, and the linear probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from imprint.data.augmentation import SECOND_VIEW, Augmentation
from imprint.lenses.dejavu.study.one_model_options import OneModelOptions
from imprint.lenses.dejavu.study.sweep_options import SweepOptions
from imprint.study.command import command
from imprint.study.option_types import Numbers
from imprint.study.options import Common, DataChoice, DejavuChoice, WeightsChoice
from imprint.train.probe_options import ProbeOptions


@command("dejavu attack", "the two-model test on arrays alone")
@dataclass(frozen=True, kw_only=True)
class Attack(Common):
    """Run the two-model test in one direction on arrays alone.

    The file holds public [M, d], public_labels [M], crops_target [N, d], crops_reference [N, d],
    labels [N] and, if wanted, public_reference [M, d] and index [N].
    """

    arrays: Path
    """An .npz file of embeddings."""
    k: int = 100
    """Public neighbours that are searched."""
    voting: int = 0
    """How many of them vote; 0 for all."""
    metric: Literal["l2", "cosine"] = "l2"
    """Distance between embeddings."""
    confidence: Numbers = (100, 20)
    """Percentages of most confident images to report."""
    top: int = 1
    """A guess is right when the label is among this many most voted classes."""

    def run(self) -> dict[str, Any]:
        """Attack; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.page.terminal import show_dejavu
        from imprint.lenses.dejavu.study.arrays import attack_arrays
        from imprint.report.summary import finish_without_page

        summary = attack_arrays(
            self.arrays,
            self.out,
            k=self.k,
            metric=self.metric,
            confidences=self.confidence,
            top=self.top,
            seed=self.seed,
            voting=self.voting,
            device=self.device,
        )
        if not self.json:
            show_dejavu(summary["lenses"]["dejavu"])
        finish_without_page(self)
        return summary


@command("dejavu two-model", "the two-model test on two checkpoints")
@dataclass(frozen=True, kw_only=True)
class TwoModel(DejavuChoice, DataChoice, WeightsChoice):
    """Run the two-model test on two trained encoders, and write the report.

    Each encoder is a file of weights with its card beside it (NAME.json); the partition is a
    folder that imprint data split wrote, or the audit that trained them.
    """

    model_a: Path
    """Weights of the encoder trained on set A."""
    model_b: Path
    """Weights of the encoder trained on set B."""
    split: Path
    """What imprint data split wrote, or the study of an audit."""
    per_class: int
    """Images of each class in A and in B: which partition of the folder to use."""

    def run(self) -> dict[str, Any]:
        """Attack; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.two_model import two_model_audit
        from imprint.nets.load import network_file

        files = {"A": self.model_a, "B": self.model_b}
        models = {name: network_file(file, self) for name, file in files.items()}
        return two_model_audit(self, self, models, self.split, self.per_class)


@command("dejavu sweep", "the two-model test over epochs and varied options")
@dataclass(frozen=True, kw_only=True)
class Sweep(SweepOptions):
    """Train encoders under several settings, attack each at every snapshot, and draw it.

    What is varied stands behind --vary, or in a YAML file under vary, each option with a list of
    values. Points with equal encoders share them. An interrupted sweep goes on where it stopped.
    """

    def run(self) -> dict[str, Any]:
        """Run the sweep; return the content of ``summary.json``."""
        from imprint.lenses.dejavu.study.sweep import audit_sweep

        return audit_sweep(self)


@command("dejavu one-model", "the test on one checkpoint")
@dataclass(frozen=True, kw_only=True)
class OneModel(OneModelOptions):
    """Run the one-model test on one network, with a report, or on arrays alone, without.

    References that name the object from the background stand in for a second model; each is
    trained here, on the crops that it is not asked about. With --arrays nothing is trained: the
    file holds public [M, d], public_labels [M], crops_target [N, d], labels [N] and
    reference_probs [N, C] of a reference that was not trained on these crops; if wanted more such
    reference_probs_NAME, index [N], and seen [N], 0 for images the network was not trained on.
    """

    arrays: Path | None = None
    """Instead of a network: an .npz file of embeddings and reference probabilities."""

    def run(self) -> dict[str, Any]:
        """Run the test; return the content of ``summary.json``."""
        from imprint.core.errors import ImprintError
        from imprint.lenses.dejavu.page.terminal import show_dejavu
        from imprint.lenses.dejavu.study.one_model import one_model_audit
        from imprint.lenses.dejavu.study.one_model_arrays import one_model_arrays
        from imprint.report.summary import finish_without_page

        if (self.arrays is None) == (self.subject is None):
            raise ImprintError("give --subject, the weights of a network, or --arrays: one of both")
        if self.arrays is None:
            return one_model_audit(self)
        summary = one_model_arrays(self.arrays, self)
        if not self.json:
            show_dejavu(summary["lenses"]["dejavu"])
        finish_without_page(self)
        return summary


@command("dejavu linear-probe", "accuracy of a linear probe on training and held-out images")
@dataclass(frozen=True, kw_only=True)
class LinearProbe(DataChoice, WeightsChoice, Common):
    """Train a linear classifier on a frozen encoder, and measure it on seen and unseen images."""

    subject: Path
    """Weights of the encoder, with its card beside it."""
    train_indices: Path
    """A .npy file: images the encoder was trained on."""
    held_out: Path
    """A .npy file: images it was not."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probe is trained."""
    view: Augmentation = field(default_factory=lambda: SECOND_VIEW)
    """Augmentation of the training images."""

    def run(self) -> dict[str, Any]:
        """Train and measure the probe; return accuracies, also in ``linear_probe.json``."""
        from imprint.lenses.dejavu.study.linear_probe import probe_model
        from imprint.nets.load import network_file

        return probe_model(
            self,
            self.seed,
            self.out,
            self.device,
            network_file(self.subject, self),
            self.train_indices,
            self.held_out,
            self.probe,
            self.view,
        )
