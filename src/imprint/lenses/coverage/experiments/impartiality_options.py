"""Options of ``coverage impartiality``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import AttackStrength, CriteriaChoice, SourceChoice
from imprint.study.option_types import Integers


@dataclass(frozen=True, kw_only=True)
class ImpartialityOptions(AttackStrength, CriteriaChoice, SourceChoice):
    """Correlate coverage with how evenly the predictions on test sets are spread."""

    sizes: Annotated[Integers, Bounds(least=2)] = (500,)
    """Tests of a set. Sets are compared within one size, as coverage grows with size."""
    sets: Annotated[int, Bounds(least=10, most=10_000)] = 60
    """Sets of each size, of class mixes from one class alone to all in equal shares."""
    attack: str = ""
    """Attack whose inputs make sets as well, see imprint list adversarial; empty for none. Needs
    imprint[attacks]."""
    attacked_records: Annotated[int, Bounds(least=1)] = 2000
    """Maximum number of correctly classified tests that the attack changes, drawn at random."""
    export_legacy: bool = False
    """Also write the published tables, impartiality_legacy/rq4_impartiality.csv and
    rq4_correlation.csv."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sizes:
            raise OptionError(ImpartialityOptions, "sizes", "is empty: give at least one size")
