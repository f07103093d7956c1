"""Option of the statistics that normalise images, with and without a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked


@dataclass(frozen=True, kw_only=True)
class NormalisationChoice(Checked):
    """Whether models with and without a record are normalised alike."""

    own_statistics: Annotated[int, Bounds(least=0)] = 0
    """Records, drawn at random, for which values are also computed with each model normalised by
    the mean and deviation of its own images (published: NORM=dependent), a fit more per record; 0
    for none."""
