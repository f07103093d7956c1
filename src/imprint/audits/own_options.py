"""What can be chosen about the audit of a user's own model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.coverage.options import OwnCoverageChoice
from imprint.lenses.dejavu.options import OwnDejavuChoice
from imprint.lenses.leave_one_out.options import OwnLeaveOneOut
from imprint.lenses.membership.study.options import OwnMembershipChoice
from imprint.study.option_types import Formerly, Names
from imprint.study.options import ModelChoice

QUICK_BUDGET = "30s"
QUICK_RECORDS = 500


@dataclass(frozen=True, kw_only=True)
class AnalysisChoice(Checked):
    """Settings of each analysis of a user's model."""

    dejavu: OwnDejavuChoice = field(default_factory=OwnDejavuChoice)
    """How déjà vu is tested."""
    membership: OwnMembershipChoice = field(default_factory=OwnMembershipChoice)
    """How membership is attacked."""
    leave_one_out: OwnLeaveOneOut = field(default_factory=OwnLeaveOneOut)
    """How the influence of single members is estimated."""
    coverage: OwnCoverageChoice = field(default_factory=OwnCoverageChoice)
    """How coverage is measured."""


@dataclass(frozen=True, kw_only=True)
class PlanChoice(Checked):
    """Which analyses are run, and how long they may take."""

    lenses: Names = ("all",)
    """Analyses to run, or all: dejavu, membership, leave_one_out, coverage."""
    budget: str = "10m"
    """Time the audit may take on this machine, such as 90s, 10m or 2h. What does not fit is left
    out, and the plan says what it would cost."""
    shadows: Annotated[int, Bounds(least=-1, most=10_000)] = -1
    """Shadow models to train for membership inference; -1: as many as the budget allows, 0 for
    none."""
    records: Annotated[int, Bounds(least=8, or_zero=True)] = 4000
    """Members, and as many non-members and tests, to use at most, drawn at random; 0 for all."""
    quick: bool = False
    """A first look within a minute: at most 500 records of each set, and a budget of 30 s."""
    analysis: AnalysisChoice = field(default_factory=AnalysisChoice)
    """Settings of each analysis."""

    @property
    def spelled_budget(self) -> str:
        """The budget, as it is written."""
        return QUICK_BUDGET if self.quick and self.budget == "10m" else self.budget

    @property
    def most_records(self) -> int:
        """Records of each set at most; 0 for all."""
        return min(self.records or QUICK_RECORDS, QUICK_RECORDS) if self.quick else self.records


@dataclass(frozen=True, kw_only=True)
class OwnModelChoice(PlanChoice, ModelChoice):
    """A model of the user and its records."""

    model: Annotated[Path | None, Formerly("subject")] = None
    """Weights, an ONNX file, a folder of transformers, or package.module:function that returns a
    model."""
    arch: str = ""
    """Architecture of weights without a card (imprint list architectures), or
    package.module:function that builds the network."""
    members: Path | None = None
    """Records the model was trained on: a folder of images or texts, an array file or a table. With
    --data, a .npy file with indices of its images."""
    non_members: Path | None = None
    """Records of the same kind that it was not trained on."""
    tests: Path | None = None
    """Records that test it. Left out: the non-members."""
    task: Literal["auto", "classification", "multi_label", "regression"] = "auto"
    """What the model does; auto: as the targets say."""
    output_kind: Literal["auto", "logits", "probabilities", "values", "losses"] = "auto"
    """What the model returns; auto: probabilities where rows sum to 1, else logits, or the values
    of a regression."""
    target: str = ""
    """Column of a table that holds the targets. Left out: target, label, class or y, else the last
    one."""
    groups: str = ""
    """Column of a table that holds the group of each record, to report on apart."""
    train_function: str = ""
    """Function package.module:function that trains shadow models: (inputs, targets, seed) returns
    a model."""
    checkpoints: Names = ()
    """Weights of the model at earlier epochs, in order, for TracIn."""
