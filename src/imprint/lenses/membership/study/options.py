"""Options of membership audits: of one network, and of a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.launch.options import ManyTasks
from imprint.study.counted import uncounted
from imprint.study.option_types import Absorbed, Formerly, Names, Parameters
from imprint.study.options import Common, DataChoice, ModelChoice
from imprint.train.cohort.options import CohortOptions

if TYPE_CHECKING:
    from imprint.lenses.membership.attack_kit.attack import AttackSettings


@dataclass(frozen=True, kw_only=True)
class AttacksChoice(Checked):
    """Which attacks, with which settings."""

    attacks: Annotated[Names, Formerly("attack")] = ("all",)
    """Attacks to run, or all. One that lacks what it needs is skipped with the reason."""
    param: Annotated[
        Parameters,
        Absorbed(
            "legacy",
            "curvature_nll.published_formulas",
            "curvature_lr.published_formulas",
            is_switch=True,
        ),
        Absorbed("offline", "rmia.offline", "base.offline", is_switch=True),
        Absorbed("gamma", "rmia.gamma"),
        Absorbed("offline_slope", "rmia.slope"),
        Absorbed("offline_weight", "base.weight"),
        Absorbed("two_sided", "lira_offline.two_sided", is_switch=True),
        Absorbed("reference_quantile", "attack_r.quantile"),
        Absorbed("population_quantile", "quantile.level"),
    ] = ()
    """Settings of single attacks, such as rmia.gamma=3. For an unknown setting, the error lists
    those of the attack."""

    @property
    def attack_settings(self) -> AttackSettings:
        """Settings by attack.

        Raises:
            ImprintError: an unknown attack or setting, or a value out of range.
        """
        from imprint.lenses.membership.attack_kit.attack import ATTACKS
        from imprint.study.parameters import parameter_texts, parse_parameters

        texts = parameter_texts(self.param)
        return parse_parameters("attack", texts, lambda name: ATTACKS.get(name).Options)


@dataclass(frozen=True, kw_only=True)
class EvidenceChoice(AttacksChoice):
    """Which attacks are run, and which signals they read."""

    curvature: bool = True
    """Also measure the input-loss curvature, at 4 forward passes per probe."""
    curvature_probes: Annotated[int, Bounds(least=1), Formerly("probes")] = 10
    """Random directions of the curvature."""
    curvature_step: Annotated[float, Bounds(above=0), Formerly("step")] = 1e-3
    """Step of the curvature, in normalised pixels."""
    white_box: bool = False
    """Also measure the trace of the input Hessian and gradient norms, which needs the weights."""
    augmentations: Names = ("identity",)
    """Views of each record, the identity first: flip, or a shift such as shift+4-4."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps of each image (ImageNet: 0.875)."""
    controls: bool = True
    """Also run attacks where there is nothing to find: an untrained network, shuffled membership,
    another model's membership."""


@dataclass(frozen=True, kw_only=True)
class OwnMembershipChoice(AttacksChoice):
    """How membership is attacked in the audit of a user's model."""

    curvature_probes: Annotated[int, Bounds(least=1)] = 10
    """Random directions of the input-loss curvature."""
    curvature_step: Annotated[float, Bounds(above=0)] = 1e-3
    """Step of the curvature, in normalised pixels or standard deviations of a feature."""
    controls: bool = True
    """Also run attacks where there is nothing to find."""


@dataclass(frozen=True, kw_only=True)
class MembershipOptions(ManyTasks, EvidenceChoice, ModelChoice, Common):
    """Options of the audit of one network.

    Fields that do not count say which images and networks there are, which are on the cards of
    signals by their content, or stop earlier.
    """

    scorer: str = uncounted(default="")
    """Instead of --model, package.module:function that returns a black-box model. The model has
    input_size and logits(images), which gets NumPy float32 [b, channels, H, W] in [0, 1]; it may be
    remote or of another framework."""
    members: Path
    """Images the network was trained on: a folder or an array file."""
    non_members: Path
    """Images of the same classes it was not trained on. Half of them are not attacked: they are
    the population that records are compared with."""
    layout: str = uncounted(default="auto")
    """Layout of the data: auto, or a name that imprint list layouts prints."""
    skip_corrupt: bool = uncounted(default=False)
    """Leave out images that cannot be decoded, and name them, instead of stopping."""
    members_part: str = uncounted(default="")
    """Which part of the members' folder: train, val, test …; empty for the training part."""
    non_members_part: str = uncounted(default="")
    """Which part of the non-members' folder."""
    records: Annotated[int, Bounds(least=4, or_zero=True)] = uncounted(default=4000)
    """Records to attack at most, half of them members, drawn at random; 0 for all."""
    groups: Path | None = uncounted(default=None)
    """A CSV file with a column name (of each image, any trailing part of its path) and one or more
    columns of groups: every figure is also given for each group."""
    label_only: Annotated[int, Bounds(least=4, or_zero=True)] = 0
    """How many records to attack by hard labels alone as well, half of them members; 0 for none.
    Needs imprint[attacks]."""
    label_only_queries: Annotated[int, Bounds(least=1)] = 1000
    """Model calls that the label-only attack may use for one record."""
    shadows: Annotated[int, Bounds(least=2, or_zero=True)] = 0
    """Shadow models to train, each on a random half of the records; they sharpen the attacks."""
    train: CohortOptions = uncounted(default_factory=CohortOptions)
    """How shadow models are trained; architecture, input_size, mean and std are the network's."""
    triage: bool = uncounted(default=False)
    """Stop after the triage, which takes one forward pass."""


@dataclass(frozen=True, kw_only=True)
class CohortChoice(EvidenceChoice):
    """A cohort: models that differ in which records of one set they were trained on."""

    models: Annotated[int, Bounds(least=0)] = 16
    """How many models; each is attacked in turn, with the others as reference models."""
    masks: Literal["balanced", "coins", "legacy"] = "balanced"
    """Which model is trained on which record: every record in exactly half of the models, fair
    coins, or the masks of the published cohorts (50,000 records, no population)."""
    train: CohortOptions = field(default_factory=CohortOptions)
    """How every model is trained."""


@dataclass(frozen=True, kw_only=True)
class PoolChoice(Checked):
    """Which images of a set models are trained on, and which stay apart."""

    records: Annotated[int, Bounds(least=0)] = 0
    """Records that models are trained on and attacked with, drawn at random; 0 for all."""
    population: Annotated[float, Bounds(least=0, below=1)] = 0.2
    """Share of the images that no model is trained on. Attacks compare records with them, and
    they are the test examples of influence."""


@dataclass(frozen=True, kw_only=True)
class CohortAuditOptions(ManyTasks, PoolChoice, CohortChoice, DataChoice, Common):
    """Options of a cohort on parts of one set of images."""


@dataclass(frozen=True, kw_only=True)
class EnsembleOptions(Common):
    """Options of memorization from models that others trained."""

    runs: Path
    """Folder of the runs, such as imagenet-resnet50/0.7."""
    index: Path | None = None
    """An imagenet_index.npz, for file names and classes; without it there are no pairs."""
    memorization_cut: Annotated[float, Bounds(least=0, most=1)] = 0.25
    """Minimum memorization of the training record of a pair."""
    influence_cut: Annotated[float, Bounds(least=0, most=1)] = 0.15
    """Minimum influence of a pair."""
