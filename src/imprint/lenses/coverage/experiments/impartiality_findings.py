"""Findings of ``coverage impartiality``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import FiveNumbers


@dataclass(frozen=True)
class CriterionCorrelation:
    """Correlation of a criterion with the impartiality of test sets.

    Attributes:
        pearson: within one size, by size.
        spearman: likewise.
        pooled: Pearson's over all sets, coverage and impartiality in units of their own mean and
            spread in each size.
        p: of no pooled correlation, two-sided, by Student's t; None where there is none.
        adjusted: p for all criteria together (Holm).
    """

    pearson: Mapping[str, Estimate | Missing]
    spearman: Mapping[str, Estimate | Missing]
    pooled: Estimate | Missing
    p: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True)
class AdversarialSets:
    """What criteria say of sets of adversarial inputs, drawn as those of clean tests.

    Attributes:
        attack: its name.
        epsilon: largest change of a pixel in [0, 1] by attacks that are held to one.
        attacked: correctly classified tests that it changed.
        success: share of them that the network then gets wrong, of which sets are drawn.
        range: smallest and largest impartiality, in [0, 1].
        criteria: by name.
        overall: pooled correlation over clean and adversarial sets together.
    """

    attack: str
    epsilon: float
    attacked: int
    success: Estimate | Missing
    range: tuple[float, float]
    criteria: Mapping[str, CriterionCorrelation]
    overall: Mapping[str, Estimate | Missing]


@dataclass(frozen=True)
class SizeSpreads:
    """Evenness and coverage of sets, size by size.

    Attributes:
        impartiality: over the sets of each size, in the order of the sizes.
        coverage: likewise, by criterion.
    """

    impartiality: tuple[FiveNumbers, ...]
    coverage: Mapping[str, tuple[FiveNumbers, ...]]


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
        spreads: evenness and coverage by size; None in a study of an older version.
        adversarial: sets of adversarial inputs, or why there are none; None unless asked for.
    """

    tests: int
    classes: int
    sizes: tuple[int, ...]
    sets: int
    range: tuple[float, float]
    criteria: Mapping[str, CriterionCorrelation | Missing]
    spreads: SizeSpreads | None = None
    adversarial: AdversarialSets | Missing | None = None

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
