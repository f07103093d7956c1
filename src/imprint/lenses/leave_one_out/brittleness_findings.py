"""Findings of brittleness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class Removal:
    """What networks predict without records that were removed together.

    Attributes:
        removed: how many.
        flipped: share of queries that are no longer predicted right.
        margin_fall: by how much the margin of the right class fell, mean over queries.
    """

    removed: int
    flipped: Estimate
    margin_fall: Estimate


@dataclass(frozen=True)
class BrittlenessFindings:
    """Predictions without the most helpful records of each query.

    Attributes:
        queries: tested, all predicted right by the networks that were trained on every record.
        networks: for each set of records.
        tables: by name of the influence that chose the records.
        controls: ``random`` records, and ``same_class``: random ones of the query's class.
    """

    queries: int
    networks: int
    tables: Mapping[str, tuple[Removal, ...]]
    controls: Mapping[str, tuple[Removal, ...]]
