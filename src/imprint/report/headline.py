"""One number at the top of a section, with its interval and what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.report.prose import Text
from imprint.report.wording import Writer, percent, plural
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class Headline:
    """One number, with its interval as places on a strip from 0 to 100.

    Attributes:
        title: what it is.
        shown: the number.
        chance: what nothing would give.
        sentence: the number in words.
        of: what ``shown.n`` counts, in the singular.
        nothing: what ``chance`` is called.
        write: writes the number.
        unit: beside the number.
    """

    title: str
    shown: Estimate
    chance: float
    sentence: Text
    of: str = "record"
    nothing: str = "guessing"
    write: Writer = percent
    unit: str = ""

    @property
    def range(self) -> str:
        """The interval in words."""
        ends = f"{self.write(self.shown.low)} to {self.write(self.shown.high)}"
        return f"{ends} {self.unit}" if self.unit else ends

    @property
    def counted(self) -> str:
        """How many of what it rests on."""
        return plural(self.shown.n, self.of)

    @property
    def strip(self) -> dict[str, float]:
        """Where low end, high end, value and chance lie, in percent of the strip."""
        low = min(self.chance, self.shown.low)
        high = max(self.chance, self.shown.high)
        pad = 0.06 * max(high - low, 0.01)
        places = {
            "low": self.shown.low,
            "high": self.shown.high,
            "value": self.shown.value,
            "zero": self.chance,
        }
        width = high - low + 2 * pad
        return {name: round(100 * (x - low + pad) / width, 2) for name, x in places.items()}
