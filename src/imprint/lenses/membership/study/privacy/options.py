"""What can be chosen about the audit of a privacy guarantee."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imprint.core.errors import ImprintError
from imprint.data.augmentation import UNCHANGED
from imprint.lenses.membership.attack.options import LEAST_CONFIDENCE
from imprint.study.config import Numbers
from imprint.study.options import Common, DataChoice
from imprint.train.cohort.cohort_options import CohortOptions

BUDGET = (0.3, 0.3)
"""Shares of the canaries with the highest scores, guessed in, and with the lowest, guessed out.

For a weak signal of normal scores 27 % of each tail tell most, and 30 % lose less than 1 % of
that; guessing half and half errs whenever not exactly half of the coins fell heads.
"""
DEFAULT_EPSILON = 8.0


@dataclass(frozen=True, kw_only=True)
class BoundOptions:
    """How scores become a lower bound on ε."""

    method: Literal["binomial", "tradeoff"] = "binomial"
    """The bound that the verdict rests on; the others are told beside it."""
    budget: Numbers = BUDGET
    """Shares of the canaries guessed in (highest scores) and out (lowest), fixed before looking;
    empty: chosen on one half of the canaries and measured on the other."""
    confidence: float = 0.95
    """Chance, at least, that each bound holds."""

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise ImprintError(f"confidence {self.confidence:g} must lie in (0, 1)")
        if self.confidence < LEAST_CONFIDENCE:
            raise ImprintError(
                f"confidence {self.confidence:g} must be at least {LEAST_CONFIDENCE:g}: a bound "
                "that fails more often than it holds bounds nothing"
            )


@dataclass(frozen=True, kw_only=True)
class PrivacyOptions(BoundOptions, DataChoice, Common):
    """Train by DP-SGD on canaries, and ask how much of ε an attack can prove."""

    canaries: int = 500
    """Records with a fair coin each; the more, the higher the bound can reach."""
    canary_kind: Literal["natural", "mislabelled"] = "mislabelled"
    """Records as they are, or under a wrong label drawn at random, which shows more."""
    epsilons: Numbers = ()
    """Train one model to each of these ε. Left out: one by train.epsilon or train.noise, or, with
    neither, one to an ε of 8."""
    calibrate: bool = True
    """Take from the scores what a second model explains, trained alike on all but the canaries: it
    knows how hard each canary is, and takes as long again."""
    compare: bool = True
    """Also train one model without DP on the same coins."""
    train: CohortOptions = field(default_factory=lambda: CohortOptions(view=UNCHANGED))
    """How all models are trained."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.canaries < 2:
            raise ImprintError(f"an audit needs at least 2 canaries, got {self.canaries}")
        if self.epsilons and self.train.private:
            raise ImprintError(
                "--epsilons and --train.epsilon or --train.noise exclude each other: leave one out"
            )
        if not all(epsilon > 0 for epsilon in self.epsilons):
            raise ImprintError(f"every target ε must be above 0, got {list(self.epsilons)}")
        if len(set(self.epsilons)) < len(self.epsilons):
            raise ImprintError(f"a target ε stands twice in {list(self.epsilons)}: drop one")
