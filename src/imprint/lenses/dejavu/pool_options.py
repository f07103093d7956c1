"""What can be chosen about pooling two-model tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.study.option_types import Names, Numbers
from imprint.study.options import Common


@dataclass(frozen=True, kw_only=True)
class PoolOptions(Common):
    """Pool two-model tests of encoders that were trained with other seeds on the same images."""

    studies: Names
    """Folders of imprint dejavu two-model or imprint audit, two or more: DIR,DIR,DIR."""
    top_percent: Annotated[Numbers, Bounds(above=0, most=100)] = (100, 20)
    """Report the top-k % most confident images, for each of these percentages."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.studies)) < 2 or len(set(self.studies)) < len(self.studies):
            complaint = "must name two folders or more, each once"
            raise OptionError(PoolOptions, "studies", complaint)
        if not self.top_percent:
            raise OptionError(PoolOptions, "top_percent", "is empty: give percentages in (0, 100]")
