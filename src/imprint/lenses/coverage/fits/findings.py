"""Findings of ``coverage fit``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FitFinding:
    """Criteria that were fitted.

    Attributes:
        file: that holds them, in the folder of the study.
        training: inputs they were fitted to; None without.
        layers: of the network.
        neurons: of all of them.
        criteria: settings of those that were fitted, by name.
        missing: why others were not, by name.
        sources: what chose the neurons of IDC and WISDOM, by criterion.
    """

    file: str
    training: int | None
    layers: int
    neurons: int
    criteria: Mapping[str, Mapping[str, Any]]
    missing: Mapping[str, str]
    sources: Mapping[str, str]


@dataclass(frozen=True)
class FitFindings:
    """Findings of ``coverage fit``."""

    fit: FitFinding
