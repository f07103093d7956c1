"""Times of calls that are taken in turns, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.lenses.coverage.measure.timing import seconds_in_turn
from imprint.stats.estimate import Estimate
from imprint.stats.median import median
from imprint.study.tables import write_table


@dataclass(frozen=True, eq=False)
class TimeRecord:
    """Times that are taken.

    Attributes:
        repeats: of each.
        device: where the work is done.
        seconds: what was timed, its part, and float64 ``[repeats]``, in order.
    """

    repeats: int
    device: torch.device
    seconds: list[tuple[str, str, FloatArray]] = field(default_factory=list)

    def ratio(self, what: str, part: str, base: str) -> Estimate:
        """Return how many times as long a part takes as another, the median over rounds."""
        known = {name: values for of, name, values in self.seconds if of == what}
        return median(known[part] / known[base])

    def times(self, what: str, parts: Mapping[str, Callable[[], Any]]) -> dict[str, Estimate]:
        """Return the median seconds of each of some calls, taken in turns."""
        found = seconds_in_turn(what, parts, self.repeats, self.device)
        self.seconds.extend((what, part, values) for part, values in found.items())
        return {part: median(values) for part, values in found.items()}


def write_seconds(file: Path, seconds: Sequence[tuple[str, str, FloatArray]]) -> None:
    """Write ``what``, ``part`` and ``seconds`` of every measurement."""
    write_table(
        file,
        {
            "index": np.arange(sum(len(values) for _, _, values in seconds)),
            "what": np.concatenate([[what] * len(values) for what, _, values in seconds]),
            "part": np.concatenate([[part] * len(values) for _, part, values in seconds]),
            "seconds": np.concatenate([values for _, _, values in seconds]),
        },
    )
