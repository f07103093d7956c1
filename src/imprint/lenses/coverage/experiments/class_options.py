"""Options of ``coverage classes``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import Draws, NetworkTestChoice, Records
from imprint.study.option_types import Names


@dataclass(frozen=True, kw_only=True)
class ClassesOptions(NetworkTestChoice):
    """Find the neurons of each class, those that classes share, and what each class loses."""

    attributions: Names = ("lrp", "ldl", "lgs")
    """Attributions that rank the neurons of each class; see imprint list attributions."""
    top_neurons: Annotated[int, Bounds(least=1)] = 10
    """Leading neurons of a class, which are taken away."""
    classes: Annotated[int, Bounds(least=2)] = 20
    """Maximum number of classes, those of most tests."""
    draws: Draws = 5
    """Random sets of neurons to compare with, as many of each layer as the leading ones."""
    replacement: Literal["zero", "mean"] = "zero"
    """What a neuron gives once it is taken away: zero, or its mean over training images."""
    importance_records: Records = 1000
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    test_records: Records = 1000
    """Maximum number of test images, drawn at random; 0 for all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.attributions:
            complaint = "is empty: give at least one"
            raise OptionError(ClassesOptions, "attributions", complaint)
