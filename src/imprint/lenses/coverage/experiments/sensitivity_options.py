"""Options of ``coverage sensitivity``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.lenses.coverage.options import CriteriaChoice, Draws, RankedNetworkChoice, Records
from imprint.study.option_types import Numbers

MAX_SHARES = 4


@dataclass(frozen=True, kw_only=True)
class SensitivityOptions(CriteriaChoice, RankedNetworkChoice):
    """Compare what noise on important and on random pixels adds to coverage."""

    pixels: str = "lrp"
    """Attribution of the predicted class that says which pixels are important, see imprint list
    attributions, or wisdom. By wisdom, pixels where the neurons with most votes are active."""
    pixel_share: Annotated[float, Bounds(above=0, most=0.5)] = 0.02
    """Share of the pixels of an image that gets noise."""
    deviation: Annotated[float, Bounds(above=0)] = 0.3
    """Standard deviation of the noise, for pixels in [0, 1]."""
    grid_shares: Annotated[Numbers, Bounds(above=0, most=0.5)] = ()
    """More shares of pixels, at most 4, each with every one of --grid-deviations; the page shows
    what either adds. Empty for --pixel-share alone."""
    grid_deviations: Annotated[Numbers, Bounds(above=0)] = ()
    """More standard deviations of the noise, likewise. Empty for --deviation alone."""
    draws: Draws = 20
    """Draws of the noise, each of all tests."""
    test_records: Records = 1000
    """Maximum number of test images, drawn at random; 0 for all."""
    export_legacy: bool = False
    """Also write the published table, sensitivity_legacy/rq2_results.csv."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.grid_shares)) > MAX_SHARES:
            complaint = f"has {len(set(self.grid_shares))} shares: a figure shows {MAX_SHARES}"
            raise OptionError(SensitivityOptions, "grid_shares", complaint)
