"""Options of ``coverage adversarial``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import (
    AttackStrength,
    CriteriaChoice,
    Draws,
    RankedNetworkChoice,
)
from imprint.study.option_types import Integers, Names, Numbers


@dataclass(frozen=True, kw_only=True)
class AdversarialOptions(AttackStrength, CriteriaChoice, RankedNetworkChoice):
    """Measure what adversarial inputs change in the coverage of a test set."""

    attacks: Names = ("fgsm", "pgd")
    """Attacks that make the inputs, see imprint list adversarial. Needs imprint[attacks]."""
    attacked_records: Annotated[int, Bounds(least=1)] = 500
    """Maximum number of correctly classified tests that each attack changes, drawn at random."""
    sizes: Annotated[Integers, Bounds(least=2)] = (500,)
    """Tests of a set, all of which the network classifies correctly."""
    shares: Annotated[Numbers, Bounds(above=0, most=0.5)] = (0.01, 0.05, 0.1)
    """Shares of a set that are replaced by adversarial inputs, and added to it."""
    draws: Draws = 20
    """Draws of each set."""
    export_legacy: bool = False
    """Also write the published table, adversarial_changes_legacy/rq3_results.csv."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("attacks", "sizes", "shares"):
            if not getattr(self, name):
                raise OptionError(AdversarialOptions, name, "is empty: give at least one")
