"""What can be chosen about membership audits: of one network, and of a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imprint.lenses.membership.attack.options import AttackOptions
from imprint.study.option_types import Names
from imprint.study.options import Common, DataChoice, WeightsChoice
from imprint.train.cohort.options import CohortOptions


@dataclass(frozen=True, kw_only=True)
class EvidenceChoice(AttackOptions):
    """Which attacks are run, and what they are shown."""

    attack: Names = ("all",)
    """Attacks to run, or all; one that lacks what it needs is skipped with the reason."""
    curvature: bool = True
    """Also measure the input-loss curvature, at 4 forward passes a probe."""
    probes: int = 10
    """Random directions of the curvature."""
    step: float = 1e-3
    """Step of the curvature, in normalised pixels."""
    white_box: bool = False
    """Also measure the trace of the input Hessian and gradient norms, which needs the weights."""
    augmentations: Names = ("identity",)
    """Views of each record, the identity first: flip, or a shift such as shift+4-4."""
    centre_fraction: float = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""
    controls: bool = True
    """Also run attacks where there is nothing to find: an untrained network, shuffled membership,
    another model's membership."""


@dataclass(frozen=True, kw_only=True)
class MembershipOptions(EvidenceChoice, WeightsChoice, Common):
    """Ask of one network which images it was trained on, given images it was and was not."""

    subject: Path | None = None
    """Weights of the network, with its card NAME.json beside it, or a folder that transformers'
    save_pretrained wrote."""
    scorer: str = ""
    """Instead of weights, package.module:function that returns a model which only answers: an
    object with input_size and logits(images), remote or of another framework."""
    members: Path
    """Images the network was trained on: a folder or an array file."""
    non_members: Path
    """Images of the same classes it was not trained on; one half of them stays unattacked, the
    population that the other half and the members are compared with."""
    layout: str = "auto"
    """How both are laid out: auto, folder, imagenet, imagenet_index, tiny_imagenet, cifar,
    mnist, arrays."""
    skip_corrupt: bool = False
    """Leave out images that cannot be decoded, and name them, instead of stopping."""
    members_part: str = ""
    """Which part of the members' folder: train, val, test …; empty for the training part."""
    non_members_part: str = ""
    """Which part of the non-members' folder."""
    records: int = 4000
    """Records to attack at most, half of them members, drawn at random; 0 takes all there are."""
    label_only: int = 0
    """How many of the attacked records to attack by hard labels alone as well, half of them
    members; 0 leaves that attack out. Needs imprint[attacks]."""
    label_only_queries: int = 1000
    """Answers that the label-only attack may ask for about one record."""
    shadows: int = 0
    """Shadow models to train, each on a random half of the records; they sharpen the attacks."""
    train: CohortOptions = field(default_factory=CohortOptions)
    """How shadows are trained; architecture, input_size, mean and std are the network's own."""
    triage: bool = False
    """Stop after the first look, which takes one forward pass."""


@dataclass(frozen=True, kw_only=True)
class CohortChoice(EvidenceChoice):
    """A cohort: models that differ in which records of one set they were trained on."""

    models: int = 16
    """How many models; each is attacked in turn, and the others judge it."""
    masks: Literal["balanced", "coins", "legacy"] = "balanced"
    """Who is trained on what: every record in exactly half of the models, fair coins, or the
    masks of the published cohorts (50,000 records, no population)."""
    train: CohortOptions = field(default_factory=CohortOptions)
    """How every model is trained."""


@dataclass(frozen=True, kw_only=True)
class PoolChoice:
    """Which images of a set models are trained on, and which stay apart."""

    records: int = 0
    """Records that models are trained on and attacked with, drawn at random; 0 takes all."""
    population: float = 0.2
    """Share of the images that no model is trained on: what attacks compare records with, and
    the test examples whose dependence on single records is estimated."""


@dataclass(frozen=True, kw_only=True)
class CohortAuditOptions(PoolChoice, CohortChoice, DataChoice, Common):
    """Train a cohort on parts of one set of images, and attack every model of it."""
