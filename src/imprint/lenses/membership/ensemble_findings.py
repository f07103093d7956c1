"""What an ensemble of models that others trained shows: accuracy, memorization, influence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class EnsembleAccuracy:
    """Shares of records that models get right, means over models.

    Attributes:
        members: of those each was trained on.
        others: of the other records.
        test: of the test examples.
        gap: members less others, which estimates the mean memorization of a member.
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
    """How memorization scores are spread over the records that have one.

    Attributes:
        count: records with a score.
        mean: of the scores.
        quantiles: by share.
        standard_error: of the scores.
    """

    count: int
    mean: float
    quantiles: Mapping[str, float]
    standard_error: ErrorSpread


@dataclass(frozen=True)
class MemorizedCount:
    """How many records reach a memorization, and how many would by chance.

    Attributes:
        cut: least memorization.
        count: records that reach it.
        of: records with a score.
        by_chance: records that would reach it if nothing were memorized.
    """

    cut: float
    count: int
    of: int
    by_chance: float


@dataclass(frozen=True)
class MemorizedRecord:
    """One memorized record: its index, score, standard error, and file where it is known."""

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
class PairFindings:
    """The pairs of one class with a high influence.

    Attributes:
        count: pairs.
        records: different training records.
        test_examples: different test examples.
        memorization_cut: least memorization of the record.
        influence_cut: least influence.
        strongest: the first of them.
    """

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
        records: of the whole training set.
        test_examples: of each model.
        inclusion: share of the records that a model was trained on, the mean.
        accuracy: of the models.
        scores: memorization scores.
        memorized: records from the cut on.
        missing: records without a score, by reason.
        most_memorized: of highest score.
        pairs: with a high influence.
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
    pairs: PairFindings | Missing
