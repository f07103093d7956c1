"""Options of ``coverage cost``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from imprint.core.bounds import Bounds
from imprint.lenses.coverage.options import CriteriaChoice, RankedNetworkChoice, Records


@dataclass(frozen=True, kw_only=True)
class CostOptions(CriteriaChoice, RankedNetworkChoice):
    """Measure what coverage costs beside the bare forward pass."""

    batch_size: Annotated[int, Bounds(least=1)] = 128
    """Images a forward pass, and inputs an update."""
    repeats: Annotated[
        int, Bounds(least=5, most=10_000, why="the median of fewer is not worth much")
    ] = 5
    """Measurements of each time, after one to warm up."""
    member_records: Records = 1000
    """Maximum number of training images to fit to, drawn at random; 0 for all."""
    test_records: Records = 1000
    """Maximum number of test images to measure, drawn at random; 0 for all."""
    sensitivity: Path | None = None
    """Folder of a coverage sensitivity of this network: the page then shows the cost of criteria
    beside what they tell apart."""
    export_legacy: bool = False
    """Also write the published table, cost_legacy/rq5_overhead.csv."""
