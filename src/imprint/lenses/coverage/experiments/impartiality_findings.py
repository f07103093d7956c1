"""Findings of ``coverage impartiality``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CriterionCorrelation:
    """Correlation of a criterion with the impartiality of test sets.

    Attributes:
        pearson: within one size, by size.
        spearman: likewise.
        pooled: Pearson's over all sets, coverage and impartiality in units of their own mean and
            spread in each size.
    """

    pearson: Mapping[str, Estimate | Missing]
    spearman: Mapping[str, Estimate | Missing]
    pooled: Estimate | Missing


@dataclass(frozen=True)
class Impartiality:
    """What criteria say of test sets of even and of uneven predictions.

    Attributes:
        tests: that sets were drawn from.
        classes: of the network.
        sizes: tests of a set.
        sets: of each size.
        range: smallest and largest impartiality, in [0, 1].
        criteria: by name; or why one was not measured.
    """

    tests: int
    classes: int
    sizes: tuple[int, ...]
    sets: int
    range: tuple[float, float]
    criteria: Mapping[str, CriterionCorrelation | Missing]

    @property
    def measured(self) -> Mapping[str, CriterionCorrelation]:
        """The criteria that were measured, the closest correlation first."""
        known = {k: v for k, v in self.criteria.items() if not isinstance(v, Missing)}

        def place(name: str) -> tuple[float, str]:
            pooled = known[name].pooled
            return (1.0 if isinstance(pooled, Missing) else -abs(pooled.value), name)

        return {name: known[name] for name in sorted(known, key=place)}

    @property
    def missing(self) -> Mapping[str, str]:
        """Why others were not."""
        return {k: v.missing for k, v in self.criteria.items() if isinstance(v, Missing)}


@dataclass(frozen=True)
class ImpartialityFindings:
    """Findings of ``coverage impartiality``."""

    impartiality: Impartiality
