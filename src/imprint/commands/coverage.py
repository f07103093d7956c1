"""``imprint coverage``: which behaviours of a network does a test set exercise?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imprint.audit.coverage_options import MeasureOptions


@dataclass(frozen=True, kw_only=True)
class Measure(MeasureOptions):
    """Measure how much of a network a test set exercises, by every criterion at once.

    Of a network, activations of the training and test images are taken in one pass each and kept
    in OUT/activations; all criteria are arithmetic on them. Of --arrays, nothing else is needed.
    Each value stands beside its ceiling, what no set of as many inputs can exceed, and an interval
    over the choice of inputs.
    """

    def run(self) -> dict[str, Any]:
        """Measure; return the content of ``summary.json``."""
        from imprint.audit.coverage_study import measure_study

        return measure_study(self)
