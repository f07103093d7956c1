"""Findings of influence summed over queries, by class."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate

Floats = tuple[float, ...]


@dataclass(frozen=True)
class SummedInfluence:
    """A record and its influence summed over all queries."""

    index: int
    label: str
    influence: float


@dataclass(frozen=True)
class InfluenceSums:
    """Signed influence on the output of each query's class, summed; above 0 it is raised.

    Attributes:
        classes: names of those in the matrix, the ones with the most queries.
        all_classes: how many there are.
        queries: of each class.
        records: of each class.
        matrix: a row per class of the queries, a column per class of the records: sum over these
            records, mean over these queries.
        same: mean over queries of the sum over records of their own class.
        others: likewise of the records of all other classes.
        raising: records whose sum over all queries is largest, falling.
        lowering: those whose sum is smallest, and below 0.
        own_pairs: whether the influence of records on themselves counts.
    """

    classes: tuple[str, ...]
    all_classes: int
    queries: tuple[int, ...]
    records: tuple[int, ...]
    matrix: tuple[Floats, ...]
    same: Estimate | Missing
    others: Estimate | Missing
    raising: tuple[SummedInfluence, ...]
    lowering: tuple[SummedInfluence, ...]
    own_pairs: bool
