"""What an ensemble of models that others trained shows: accuracy, memorization, influence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class EnsembleAccuracy:
    """Shares of records that models get right, means over models.

    ``gap``, members less others, estimates the mean memorization of a member.
    """

    members: Estimate | Missing
    others: Estimate | Missing
    test: Estimate | Missing
    gap: Estimate | Missing


@dataclass(frozen=True)
class ErrorSpread:
    """The median and the largest standard error of the scores."""

    median: float
    largest: float


@dataclass(frozen=True)
class ScoreSpread:
    """How memorization scores are spread over the records that have one; quantiles by share."""

    count: int
    mean: float
    quantiles: Mapping[str, float]
    standard_error: ErrorSpread


@dataclass(frozen=True)
class MemorizedCount:
    """How many records of those with a score reach ``cut``, and how many would by chance."""

    cut: float
    count: int
    of: int
    by_chance: float


@dataclass(frozen=True)
class MemorizedRecord:
    """One memorized record; its file where an index names it."""

    index: int
    memorization: float
    standard_error: float
    file: str | None = None

    @property
    def name(self) -> str:
        """File, or number."""
        return self.file or f"record {self.index}"


@dataclass(frozen=True)
class InfluentialPair:
    """A training record, a test example, and the influence of the first on the second."""

    index: int
    test: int
    influence: float
    standard_error: float
    file: str
    test_file: str


@dataclass(frozen=True)
class InfluencePairFindings:
    """Pairs from the cuts on: how many, of how many different records, and the strongest."""

    count: int
    records: int
    test_examples: int
    memorization_cut: float
    influence_cut: float
    strongest: tuple[InfluentialPair, ...]


@dataclass(frozen=True, kw_only=True)
class EnsembleFindings:
    """What an ensemble shows.

    Attributes:
        runs: models.
        inclusion: share of the records that a model was trained on, the mean.
        missing: records without a score, by reason.
    """

    runs: int
    records: int
    test_examples: int
    inclusion: float
    accuracy: EnsembleAccuracy
    scores: ScoreSpread | Missing
    memorized: MemorizedCount | Missing
    missing: Mapping[str, int]
    most_memorized: tuple[MemorizedRecord, ...]
    pairs: InfluencePairFindings | Missing
