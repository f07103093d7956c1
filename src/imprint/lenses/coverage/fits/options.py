"""Options of ``coverage fit`` and ``coverage merge``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.bounds import OptionError
from imprint.launch.options import ManyTasks
from imprint.lenses.coverage.options import (
    CriteriaChoice,
    ImportanceChoice,
    MembersChoice,
    TablesChoice,
)
from imprint.study.option_types import Names
from imprint.study.options import Common


@dataclass(frozen=True, kw_only=True)
class FitOptions(ManyTasks, CriteriaChoice, TablesChoice, ImportanceChoice, MembersChoice):
    """Fit criteria to training data once, to measure any number of tests by them."""

    arrays: Path | None = None
    """Activations in an .npz file, in place of a network: train/LAYER [N, A], layers in their
    order, and, if known, train_labels [N]."""
    correct_only: bool = False
    """Leave out training inputs that the network misclassifies."""


@dataclass(frozen=True, kw_only=True)
class MergeOptions(Common):
    """Merge measurements of different tests by the same fitted criteria."""

    studies: Names
    """Folders of imprint coverage measure --fitted or imprint coverage merge, two or more:
    DIR,DIR,DIR."""
    fitted: Path
    """The file that all of them were measured with, fitted.safetensors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.studies)) < 2 or len(set(self.studies)) < len(self.studies):
            raise OptionError(MergeOptions, "studies", "must name two folders or more, each once")
