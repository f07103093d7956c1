"""What can be chosen about an audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from imprint.audits.own_options import OwnModelChoice
from imprint.audits.reconstruction.options import AuditReconstruction
from imprint.audits.seed_options import SeedsChoice
from imprint.core.bounds import Bounds
from imprint.data.augmentation import Augmentation
from imprint.launch.options import ManyTasks
from imprint.lenses.coverage.options import CoverageStep
from imprint.lenses.dejavu.options import DejavuChoice
from imprint.lenses.leave_one_out.options import LeaveOneOutStep
from imprint.lenses.membership.study.options import CohortChoice
from imprint.study.options import DataChoice
from imprint.train.cohort.options import CohortOptions
from imprint.train.options import TrainOptions
from imprint.train.probe_options import ProbeOptions

SMALL_COHORT = CohortChoice(
    train=CohortOptions(
        architecture_options=(("width", "16"), ("depth", "1")),
        epochs=40,
        batch_size=32,
        learning_rate=0.1,
        view=Augmentation(crop="none"),
        engine="sequential",
    )
)
"""Sixteen small classifiers that learn some hundred images by heart in seconds; one after another,
since a timed choice of the engine could take another one in another run."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions(ManyTasks, SeedsChoice, OwnModelChoice, DejavuChoice, DataChoice):
    """Audit a model with its members and non-members; without one, train some and audit those."""

    per_class: Annotated[int, Bounds(least=1)] = 13
    """Training images of each class for each of the two encoders."""
    linear_probe: bool = True
    """Also train linear probes, whose gap between members and non-members is a common warning
    sign."""
    probe: ProbeOptions = field(default_factory=ProbeOptions)
    """How the probes are trained."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How both encoders are trained."""
    attack_every: Annotated[int, Bounds(least=0)] = 0
    """Epochs between attacks on each encoder during training, written to its log; 0: never."""
    reconstruct: AuditReconstruction = field(default_factory=AuditReconstruction)
    """What both encoders recall of attacked images, drawn by diffusion models.
    --reconstruct.on asks for it."""
    membership: CohortChoice = field(default_factory=lambda: SMALL_COHORT)
    """The cohort of classifiers, trained on parts of A and B and attacked for membership.
    --membership.models 0 leaves it out."""
    leave_one_out: LeaveOneOutStep = field(default_factory=LeaveOneOutStep)
    """Leave-one-out influence of the images on a network of infinite width."""
    coverage: CoverageStep = field(default_factory=CoverageStep)
    """Coverage of the first classifier of the cohort by images that no network was trained on."""
