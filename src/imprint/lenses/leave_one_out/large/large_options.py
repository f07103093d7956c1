"""How to fit many records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imprint.core.errors import ImprintError

Method = Literal["auto", "exact", "hybrid", "out_of_core", "nystrom"]
LEAST_SAMPLE = 72
"""Fewer draws leave the 95 % quantile of the error without an upper bound."""


@dataclass(frozen=True, kw_only=True)
class LargeOptions:
    """How to fit many records."""

    method: Method = "auto"
    """auto takes the first of exact, hybrid, out_of_core (with a workspace) and nystrom to fit."""
    memory: int | None = None
    """Bytes that may be allocated beyond the inputs; by default 80 % of what is free."""
    workspace: Path | None = None
    """Folder for what out_of_core keeps on disk; an interrupted fit goes on from there."""
    landmarks: int = 1000
    """m of nystrom, at most n."""
    probes: int = 200
    """Random signs for a stochastic correction of nystrom's diagonal, 0 or at least 2."""
    sample: int = 200
    """Records whose exact values are computed to measure the error, at most n."""
    tolerance: float | None = None
    """Relative residual of α; by default 1e-10, and 1e-4 for nystrom."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            known = ", ".join(get_args(Method))
            raise ImprintError(f"method {self.method!r} is none of {known}")
        if self.memory is not None and self.memory < 1:
            raise ImprintError(f"memory is {self.memory} bytes: it must be above 0")
        if self.landmarks < 1:
            raise ImprintError(f"landmarks is {self.landmarks}: it must be at least 1")
        if self.probes < 0 or self.probes == 1:
            raise ImprintError(f"probes is {self.probes}: it must be 0, or at least 2")
        if self.sample < LEAST_SAMPLE:
            raise ImprintError(
                f"sample is {self.sample}: it must be at least {LEAST_SAMPLE}, for an interval of "
                "the 95 % quantile of the error"
            )
        if self.tolerance is not None and not 0 < self.tolerance < 1:
            raise ImprintError(f"tolerance is {self.tolerance}: it must lie between 0 and 1")
