"""Options of the audit of a privacy guarantee, and of a bound from scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.launch.options import ManyTasks
from imprint.lenses.membership.privacy.methods import (
    BUDGET,
    MIN_CONFIDENCE,
    SPLITS,
    Choosing,
    Method,
    Runs,
)
from imprint.study.option_types import Numbers
from imprint.study.options import Common, DataChoice
from imprint.train.cohort.options import CohortOptions

DEFAULT_EPSILON = 8.0
Confidence = Annotated[
    float,
    Bounds(
        least=MIN_CONFIDENCE,
        below=1,
        why="a bound must hold more often than it fails",
    ),
]


@dataclass(frozen=True, kw_only=True)
class BoundOptions(Checked):
    """How scores become a lower bound on ε."""

    method: Literal["binomial", "tradeoff"] = "binomial"
    """The bound that the verdict rests on; the others are shown beside it."""
    budget: Annotated[Numbers, Bounds(least=0, most=1)] = BUDGET
    """Shares of the canaries guessed in (highest scores) and out (lowest), fixed before looking;
    empty: chosen on one half of the canaries and measured on the other."""
    choice: Choosing = "auto"
    """How the budget is chosen: fixed; on one half of the canaries (split); the median of many such
    splits (multi_split); best of a preset grid (bonferroni) or of all_thresholds, at its part of
    the error; auto: fixed, or split where the budget is empty."""
    splits: Annotated[int, Bounds(least=1)] = SPLITS
    """Splits of multi_split."""
    confidence: Confidence = 0.95
    """Confidence level of each bound."""


@dataclass(frozen=True, kw_only=True)
class PrivacyOptions(ManyTasks, BoundOptions, DataChoice, Common):
    """Train on canaries by DP-SGD and bound ε from below by an attack."""

    canaries: Annotated[int, Bounds(least=2)] = 500
    """Number of canaries, each in the training set by its own fair coin; more allow a higher
    bound."""
    canary_kind: Literal["natural", "mislabelled"] = "mislabelled"
    """Records as they are, or under a wrong label drawn at random, which reveals more."""
    epsilons: Annotated[Numbers, Bounds(above=0)] = ()
    """Train one model to each of these ε. Left out: one by train.epsilon or
    train.noise-multiplier, or, with neither, one to an ε of 8."""
    calibrate: bool = True
    """Calibrate scores by a reference model, trained in the same way on all records but the
    canaries, that measures how hard each canary is. Doubles the time."""
    compare: bool = True
    """Also train one model without DP on the same coins."""
    train: CohortOptions = field(default_factory=lambda: CohortOptions(view=UNCHANGED))
    """How all models are trained."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epsilons and self.train.private:
            raise ImprintError(
                "--epsilons and --train.epsilon or --train.noise-multiplier exclude each other: "
                "leave one out"
            )
        if len(set(self.epsilons)) < len(self.epsilons):
            raise ImprintError(f"a target ε is duplicated in {list(self.epsilons)}: drop one")


@dataclass(frozen=True, kw_only=True)
class ScoreBoundOptions(Common):
    """How a file of scores becomes a lower bound on ε."""

    arrays: Path
    """An .npz file of scores and members."""
    runs: Runs = "one"
    """Canaries of one model, or models of one record."""
    method: Method = "auto"
    """One run: binomial (auto), tradeoff or gaussian; many: rates (auto) or gaussian."""
    delta: Annotated[float, Bounds(least=0, below=1)] = 1e-5
    """δ of the (ε, δ) that is bounded."""
    confidence: Confidence = 0.95
    """Confidence level of the bound."""
    budget: Numbers | None = None
    """One run: shares guessed in and out, fixed before looking (0.3,0.3 when left out); empty:
    chosen on one half of the canaries and measured on the other."""
    choice: Choosing = "auto"
    """How budget or threshold is chosen: fixed; on one half (split); the median of many such splits
    (multi_split); best of a preset grid of budgets (bonferroni) or of all_thresholds, at its part
    of the error; auto: fixed where there is one, else split."""
    splits: Annotated[int, Bounds(least=1)] = SPLITS
    """Splits of multi_split."""
    threshold: float | None = None
    """Many runs: the score from which a run counts as trained with the record; left out, it is
    chosen on one half of the runs."""
