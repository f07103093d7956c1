"""Options of the commands that choose among tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import CriteriaChoice, Draws, SourceChoice
from imprint.study.option_types import Names, Parameters


@dataclass(frozen=True, kw_only=True)
class PrioritiseOptions(CriteriaChoice, SourceChoice):
    """Order tests so that those that reveal faults come first."""

    by: Names = ("all",)
    """What orders the tests, or all: deepgini, entropy, margin, max_probability, random, or a
    criterion with its way: kmnc_total, kmnc_additional, lsc_surprise."""


@dataclass(frozen=True, kw_only=True)
class SelectOptions(SourceChoice):
    """Choose few tests that cover as much as many."""

    criterion: str = "kmnc"
    """Criterion whose value is to be covered; see imprint list criteria."""
    param: Parameters = ()
    """Settings of the criterion, such as kmnc.k=10."""
    count: Annotated[int, Bounds(least=0)] = 0
    """Maximum number of tests to select; 0 for as many as add anything."""
    share: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Stop at this share of the value that all tests reach together."""
    coverage: Annotated[float, Bounds(least=0)] = 0.0
    """Select until this value of the criterion is reached, and leave out tests that later ones made
    redundant; 0 stops at --share instead."""
    random_draws: Draws = 20
    """Random sets of tests of each size to compare the selection with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coverage and self.share != 1.0:
            complaint = "says when to stop, and so does --share: leave one out"
            raise OptionError(SelectOptions, "coverage", complaint)
