"""A number with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value, its 95 % interval, and how many examples it rests on.

    >>> Estimate(0.5, (0.4, 0.6), 100).to_dict()
    {'value': 0.5, 'ci95': [0.4, 0.6], 'n': 100}
    """

    value: float
    ci95: tuple[float, float]
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON values: ``{"value": …, "ci95": [low, high], "n": …}``."""
        return {"value": self.value, "ci95": list(self.ci95), "n": self.n}
