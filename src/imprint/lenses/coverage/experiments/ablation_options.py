"""Options of ``coverage ablate``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import Draws, NetworkTestChoice, Records
from imprint.study.option_types import Integers, Names


@dataclass(frozen=True, kw_only=True)
class AblateOptions(NetworkTestChoice):
    """Measure what a network loses without some of its neurons."""

    attributions: Names = ("lrp", "ldl", "lgs", "wisdom")
    """What ranks the neurons: attributions, see imprint list attributions, and wisdom, the vote of
    several."""
    top_counts: Annotated[Integers, Bounds(least=1)] = (6, 8, 10, 15, 20)
    """Numbers of leading neurons to take away."""
    draws: Draws = 30
    """Random sets of neurons to compare with: from all hidden layers, and as many of each layer as
    the leading ones."""
    replacement: Literal["zero", "mean"] = "zero"
    """What a neuron gives once it is taken away, after the normalisation behind its layer: zero, or
    its mean over training images."""
    each: Literal["none", "layer", "neuron"] = "none"
    """Also take away the neurons of every layer by itself, or every neuron by itself."""
    importance_records: Records = 1000
    """Maximum number of training images to attribute, drawn at random; 0 for all."""
    vote_records: Records = 960
    """Maximum number of training images in the vote, drawn at random; 0 for all."""
    test_records: Records = 1000
    """Maximum number of test images, drawn at random; 0 for all."""
    export_legacy: bool = False
    """Also write the published tables, ablation/rq1_relevance.csv and rq1_acc_drop.csv."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.top_counts or not self.attributions:
            name = "top_counts" if not self.top_counts else "attributions"
            raise OptionError(AblateOptions, name, "is empty: give at least one")
