"""What a cohort shows: attacks on every model, where they agree, and what models memorized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.agreement import TopSetAgreement
from imprint.lenses.membership.findings import AttackFinding
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CohortAccuracy:
    """The share of records that models get right: trained on, others, and of the population."""

    members: float
    non_members: float
    population: float | Missing


@dataclass(frozen=True)
class CohortFacts:
    """How many models, records and population records there are, and what models get right.

    ``found_at_fpr`` is the false positive rate at which it is counted how often each record is
    detected.
    """

    models: int
    records: int
    population: int
    accuracy: CohortAccuracy
    found_at_fpr: float


@dataclass(frozen=True)
class AttackAgreement:
    """Agreement of attacks on their top records; ``overlap`` has one row per attack."""

    attacks: tuple[str, ...]
    overlap: tuple[tuple[float, ...], ...]
    intersections: TopSetAgreement | None = None


@dataclass(frozen=True)
class InfluenceFindings:
    """How many pairs exceed what noise shows: from ``least``, so many standard errors, on."""

    pairs: int
    least: float
    standard_errors: float


@dataclass(frozen=True, kw_only=True)
class MemorizationFindings:
    """How much the models of a cohort memorized.

    Attributes:
        share_memorized: share of the records from ``cut`` on.
        share_by_chance: share that noise alone would bring there.
        standard_error_bound: the greatest standard error of a score.
        missing: records without a score.
        correlation: rank correlation of memorization with other quantities.
    """

    mean: Estimate
    share_memorized: Estimate
    share_by_chance: float
    cut: float
    standard_error_bound: float
    missing: int
    correlation: Mapping[str, Estimate | Missing]
    influence: InfluenceFindings | Missing

    @property
    def exceeds_chance(self) -> bool:
        """Whether more records are memorized than noise alone would bring."""
        return self.share_memorized.low > self.share_by_chance


@dataclass(frozen=True, kw_only=True)
class CohortFindings:
    """What a cohort shows.

    Attributes:
        attacks: by name, means over the models.
        skipped: why an attack was not run, by name.
        warnings: sentences without their full stop; None where none were looked for.
    """

    attacks: Mapping[str, AttackFinding]
    skipped: Mapping[str, str]
    best: str
    cohort: CohortFacts
    agreement: AttackAgreement
    memorization: MemorizationFindings
    warnings: tuple[str, ...] | None = None
