"""With which seeds the encoders of an audit are trained."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.bounds import Checked, OptionError
from imprint.study.option_types import Integers


@dataclass(frozen=True, kw_only=True)
class SeedsChoice(Checked):
    """Training seeds of the encoders."""

    seeds: Integers = ()
    """Training seeds of the encoders, such as 0,1,2: two encoders are trained and tested for each,
    on one partition, and the déjà vu scores are pooled with the variance between seeds. The first
    pair is shown in full. Left out: --seed alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.seeds)) < len(self.seeds):
            twice = next(seed for seed in self.seeds if self.seeds.count(seed) > 1)
            raise OptionError(SeedsChoice, "seeds", f"names {twice} twice: name each seed once")
