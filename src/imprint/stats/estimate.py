"""A number with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, and how many examples it rests on.

    Examples:
        >>> Estimate(0.5, (0.4, 0.6), 100).to_dict()
        {'value': 0.5, 'ci95': [0.4, 0.6], 'n': 100}
    """

    value: float
    ci95: tuple[float, float]
    n: int

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.ci95[0]

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.ci95[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON values: ``{"value": …, "ci95": [low, high], "n": …}``."""
        return {"value": self.value, "ci95": list(self.ci95), "n": self.n}


def within_unit(estimate: Estimate) -> Estimate:
    """Return an estimate of a share with its interval cut to 0 and 1.

    Examples:
        >>> within_unit(Estimate(0.9, (0.7, 1.1), 5))
        Estimate(value=0.9, ci95=(0.7, 1.0), n=5)
    """
    low, high = estimate.ci95
    return Estimate(estimate.value, (max(0.0, low), min(1.0, high)), estimate.n)
