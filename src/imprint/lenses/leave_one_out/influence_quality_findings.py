"""Influence tables beside retrained models: what is measured, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate

SIGN = (
    "Positive influence: the record raises the output of the right class, or lowers the loss, of "
    "the query."
)


@dataclass(frozen=True)
class Correlations:
    """Two coefficients over records, each with its interval."""

    pearson: Estimate
    spearman: Estimate


@dataclass(frozen=True)
class InfluenceQuality:
    """One table of influences beside retrained models.

    Attributes:
        datamodeling: linear datamodeling score.
        leave_one_out: mean correlation with the effect of single records on queries.
        accuracy_drop: of models that hold few of each query's most helpful records.
    """

    datamodeling: Estimate | Missing
    leave_one_out: Correlations | Missing
    accuracy_drop: Estimate | Missing


@dataclass(frozen=True)
class QualityCeiling:
    """What the true effects could reach with so many models.

    ``random_drop`` is the accuracy drop of records drawn at random.
    """

    datamodeling: Estimate | Missing
    leave_one_out: Correlations | Missing
    random_drop: Estimate | Missing


@dataclass(frozen=True)
class InfluenceQualityFindings:
    """Influence tables beside retrained models.

    Attributes:
        models: K.
        records: N.
        queries: Q.
        subsets: different sets of records that models without a pair were trained on.
        pairs: of models with and without a record; 0 where effects are from subsets.
        removed: records whose effect was measured.
        top: most helpful records of each query, for the accuracy drop.
        accuracy: of the models at the queries; None without classes.
        tables: by name, in the order of the file.
        ceiling: of them.
    """

    models: int
    records: int
    queries: int
    subsets: int
    pairs: int
    removed: int
    top: int
    accuracy: Estimate | None
    tables: Mapping[str, InfluenceQuality]
    ceiling: QualityCeiling


@dataclass(frozen=True)
class GivenModelFindings:
    """What a comparison with given models ends in."""

    influence_quality: InfluenceQualityFindings
