"""Options of brittleness: how far predictions depend on their most helpful records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked
from imprint.study.option_types import Integers, Names


@dataclass(frozen=True, kw_only=True)
class BrittlenessChoice(Checked):
    """Whether networks are retrained without the most helpful records of single queries."""

    removed: Annotated[Integers, Bounds(least=1)] = ()
    """Numbers of most helpful records that are removed together, separated by commas; empty for
    none. Each number trains networks for every table and query, and for two controls."""
    queries: Annotated[int, Bounds(least=2)] = 20
    """Held-out queries that are tested, drawn at random among those that are predicted right."""
    networks: Annotated[int, Bounds(least=1)] = 1
    """Networks without each set of records, at most --pairs: they start as the first of those that
    are trained on all records."""
    tables: Names = ("all",)
    """Estimators, closed forms and tables of --influence that are tested, by name, or all."""
