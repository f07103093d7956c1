"""Steps of a privacy audit: scores of canaries, and bounds on ε from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.audit import one_run_bounds
from imprint.lenses.membership.privacy.calibration import subtract_explained
from imprint.lenses.membership.privacy.choices import budget_choice
from imprint.lenses.membership.privacy.methods import Choosing
from imprint.lenses.membership.privacy_findings import (
    AccountedPrivacy,
    AuditedModel,
    CanaryAccuracies,
)
from imprint.nets.load import read_card
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion
from imprint.study.counted import uncounted
from imprint.study.finding import from_json, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table
from imprint.train.cohort.job import WEIGHTS

MODEL = "models/0000"
BY_TRAINING_LABEL, BY_TRUE_LABEL = "signals", "true_labels"
"""Folders of the tables under the labels of training, and under those of the set."""


@dataclass(frozen=True, kw_only=True)
class ScoreCanaries(Step):
    """Write ``tables/privacy/NAME.parquet``: index, score and coin of every canary.

    Attributes:
        name: of the training.
        index: int64 ``[m]``, the canaries.
        members: bool ``[m]``, their coins.
        calibrate: whether to subtract what the reference model explains.
        study: the folder.
    """

    name: str
    index: IntArray
    members: BoolArray
    calibrate: bool
    study: Study = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The table of this training."""
        return f"tables/privacy/{self.name}.parquet"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Margins of the model, and of its reference."""
        names = (self.name, reference_name(self.name)) if self.calibrate else (self.name,)
        return tuple(_signals(BY_TRAINING_LABEL, name) for name in names)

    def build(self, path: Path) -> None:
        """Write the table."""
        own, *reference = (
            read_table(self.study.path(table))["margin.identity"][: len(self.index)]
            for table in self.inputs
        )
        scores = own.astype(np.float64)
        if reference:
            scores = subtract_explained(scores, reference[0].astype(np.float64))
        write_table(path, {"index": self.index, "score": scores, "member": self.members})


@dataclass(frozen=True, kw_only=True)
class BoundEpsilon(Step):
    """Write ``privacy/NAME.json``, an :class:`AuditedModel`.

    Attributes:
        name: of the training.
        budget: shares of the canaries guessed in and out, or nothing.
        choice: how the budget is chosen.
        splits: of ``multi_split``.
        confidence: of each bound.
        delta: δ.
        seed: of splits and ties.
        study: the folder.
    """

    name: str
    budget: tuple[float, ...]
    choice: Choosing
    splits: int
    confidence: float
    delta: float
    seed: int
    study: Study = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The finding of this training."""
        return f"privacy/{self.name}.json"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """The model, its scores, and its answers under both labels."""
        labels = (BY_TRAINING_LABEL, BY_TRUE_LABEL)
        return (
            f"runs/{self.name}/{MODEL}",
            f"tables/privacy/{self.name}.parquet",
            *(_signals(folder, self.name) for folder in labels),
        )

    def build(self, path: Path) -> None:
        """Write the finding."""
        model, scores, *answers = map(self.study.path, self.inputs)
        table = read_table(scores)
        choice = budget_choice(self.budget, self.seed, self.choice, self.splits)
        bounds = one_run_bounds(
            table["score"], table["member"], choice, self.delta, self.confidence, self.seed
        )
        correct = (read_table(file)["correct.identity"] for file in answers)
        accuracies = canary_accuracies(table["member"], *correct)
        accounted = read_accounted(model / WEIGHTS)
        write_finding(path, AuditedModel(self.name, accounted, bounds, accuracies))


def _signals(folder: str, model: str) -> str:
    return f"tables/{folder}/{model}.parquet"


def reference_name(name: str) -> str:
    """Return the name of the reference model of a training."""
    return f"{name}-reference"


def read_accounted(weights: Path) -> AccountedPrivacy:
    """Return the accounted ε of a model, or that none was accounted."""
    privacy = read_card(weights).training.get("privacy")
    if privacy is None:
        return AccountedPrivacy("trained without DP-SGD, so no ε bounds what it leaks")
    reason = "the noise is too small for any finite ε" if privacy["epsilon"] is None else None
    return replace(from_json(AccountedPrivacy, privacy, str(weights)), missing=reason)


def canary_accuracies(
    members: BoolArray, by_training_label: BoolArray, by_true_label: BoolArray
) -> CanaryAccuracies:
    """Return the share of records that a model gets right, by kind.

    Args:
        members: bool ``[m]``, the coins.
        by_training_label: bool ``[m + q]``, right under the labels of training; canaries before
            other members.
        by_true_label: bool ``[m + q]``, right under the labels of the set.
    """
    count = len(members)
    return CanaryAccuracies(
        canaries_in=_share(by_training_label[:count][members]),
        canaries_out=_share(by_training_label[:count][~members]),
        members=_share(by_true_label[count:]),
        held_out=_share(by_true_label[:count][~members]),
    )


def _share(correct: BoolArray) -> Estimate | Missing:
    if not len(correct):
        return Missing("there are none")
    return proportion(int(correct.sum()), len(correct))
