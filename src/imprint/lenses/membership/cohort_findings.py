"""What a cohort shows: attacks on every model, where they agree, and what models memorized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.agreement import Agreement
from imprint.lenses.membership.findings import AttackFinding
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class CohortAccuracy:
    """The share of records that the models of a cohort get right.

    Attributes:
        members: of those each was trained on.
        non_members: of the other records.
        population: of the records that no model was trained on.
    """

    members: float
    non_members: float
    population: float | Missing


@dataclass(frozen=True)
class CohortFacts:
    """The models of a cohort, and what they were trained on.

    Attributes:
        models: how many.
        records: how many they were trained on and attacked with.
        population: records that no model was trained on.
        accuracy: what they get right.
        found_at_fpr: false positive rate at which it is counted how often a record is detected.
    """

    models: int
    records: int
    population: int
    accuracy: CohortAccuracy
    found_at_fpr: float


@dataclass(frozen=True)
class AttackAgreement:
    """How far attacks suspect the same records.

    Attributes:
        attacks: their names.
        overlap: the mean over targets of the overlap of two top sets, a row an attack.
        intersections: how many records exactly which attacks suspect.
    """

    attacks: tuple[str, ...]
    overlap: tuple[tuple[float, ...], ...]
    intersections: Agreement | None = None


@dataclass(frozen=True)
class InfluenceFindings:
    """How many pairs have an influence that noise would hardly show.

    Attributes:
        pairs: how many.
        least: the least influence that can be one.
        standard_errors: how many standard errors that is.
    """

    pairs: int
    least: float
    standard_errors: float


@dataclass(frozen=True, kw_only=True)
class MemorizationFindings:
    """How much the models of a cohort memorized.

    Attributes:
        mean: of the memorization scores.
        share_memorized: share of the records from ``cut`` on.
        share_by_chance: share that noise alone would bring there.
        cut: least memorization of a memorized record.
        standard_error_bound: the greatest standard error of a score.
        missing: records without a score.
        correlation: rank correlation of memorization with other quantities.
        influence: of single records on test examples.
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
        best: the attack that speaks for all.
        cohort: its models and records.
        agreement: of the attacks.
        memorization: of the records.
        warnings: sentences without their full stop; None where none were looked for.
    """

    attacks: Mapping[str, AttackFinding]
    skipped: Mapping[str, str]
    best: str
    cohort: CohortFacts
    agreement: AttackAgreement
    memorization: MemorizationFindings
    warnings: tuple[str, ...] | None = None
