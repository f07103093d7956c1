"""A number, its interval, and how many examples it rests on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """One reported number.

    Attributes:
        value: the estimate; NaN where it is undefined.
        ci95: lower and upper end of its 95 % confidence interval.
        n: examples it rests on.
    """

    value: float
    ci95: tuple[float, float]
    n: int

    def to_dict(self) -> dict[str, float | int | list[float]]:
        """Return the JSON value ``{"value": x, "ci95": [lo, hi], "n": n}``.

        >>> Estimate(0.5, (0.25, 0.75), 12).to_dict()
        {'value': 0.5, 'ci95': [0.25, 0.75], 'n': 12}
        """
        return {"value": self.value, "ci95": list(self.ci95), "n": self.n}
