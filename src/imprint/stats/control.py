"""Negative controls: attacks that must find nothing, run beside every audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scipy.special import ndtri

from imprint.stats.estimate import Estimate

PASSING = 0.999


@dataclass(frozen=True)
class Control:
    """The outcome of one control.

    Many controls run beside one audit and each 95 % interval misses once in twenty, so a control
    fails only when the interval widened to 99.9 % misses too.

    >>> Control("Noise.", Estimate(0.53, (0.51, 0.55), 1000), expected=0.5).passed
    True

    Attributes:
        what: one sentence, what was done and what must come out.
        value: what came out.
        expected: what had to come out.
        passed: whether what had to come out lies in the 99.9 % interval.
    """

    what: str
    value: Estimate
    expected: float
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        wider = float(ndtri((1 + PASSING) / 2) / ndtri(0.975))
        value, (low, high) = self.value.value, self.value.ci95
        lowest, highest = value - wider * (value - low), value + wider * (high - value)
        passed = lowest - 1e-12 <= self.expected <= highest + 1e-12
        object.__setattr__(self, "passed", passed)

    def to_dict(self) -> dict[str, Any]:
        """Return the control as JSON values."""
        return {
            "what": self.what,
            "passed": self.passed,
            "value": self.value.to_dict(),
            "expected": self.expected,
        }
