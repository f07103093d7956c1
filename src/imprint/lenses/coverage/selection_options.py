"""Options of the commands that choose among tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from imprint.core.bounds import Bounds
from imprint.lenses.coverage.options import (
    CriteriaChoice,
    ImportanceChoice,
    NetworkTestChoice,
    TablesChoice,
)
from imprint.study.option_types import Names, Parameters


@dataclass(frozen=True, kw_only=True)
class PrioritiseOptions(TablesChoice, CriteriaChoice, ImportanceChoice, NetworkTestChoice):
    """Order tests so that those that reveal faults come first."""

    arrays: Path | None = None
    """Activations in an .npz file, in place of a network: train/LAYER [N, A], test/LAYER [M, A],
    probabilities [M, C] and, if known, train_labels [N] and test_labels [M]."""
    by: Names = ("all",)
    """What orders the tests, or all: deepgini, entropy, margin, max_probability, random, or a
    criterion with its way: kmnc_total, kmnc_additional, lsc_surprise."""


@dataclass(frozen=True, kw_only=True)
class SelectOptions(TablesChoice, ImportanceChoice, NetworkTestChoice):
    """Choose few tests that cover as much as many."""

    arrays: Path | None = None
    """Activations in an .npz file, in place of a network: train/LAYER [N, A] and test/LAYER
    [M, A], with train_labels [N] and test_labels [M] for criteria that read them."""
    criterion: str = "kmnc"
    """Criterion whose value is to be covered; see imprint list criteria."""
    param: Parameters = ()
    """Settings of the criterion, such as kmnc.k=10."""
    count: Annotated[int, Bounds(least=0)] = 0
    """Maximum number of tests to select; 0 for as many as add anything."""
    share: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Stop at this share of the value that all tests reach together."""
    random_draws: Annotated[int, Bounds(least=2)] = 20
    """Random sets of tests of each size to compare the selection with."""
