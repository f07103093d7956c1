"""Options of ``coverage sensitivity``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds
from imprint.lenses.coverage.options import CriteriaChoice, Draws, RankedNetworkChoice, Records


@dataclass(frozen=True, kw_only=True)
class SensitivityOptions(CriteriaChoice, RankedNetworkChoice):
    """Compare what noise on important and on random pixels adds to coverage."""

    pixels: str = "lrp"
    """Attribution of the predicted class to pixels that says which are important (imprint list
    attributions), or wisdom: where the neurons with most votes are active."""
    pixel_share: Annotated[float, Bounds(above=0, most=0.5)] = 0.02
    """Share of the pixels of an image that gets noise."""
    deviation: Annotated[float, Bounds(above=0)] = 0.3
    """Standard deviation of the noise, for pixels in [0, 1]."""
    draws: Draws = 20
    """Draws of the noise, each of all tests."""
    test_records: Records = 1000
    """Maximum number of test images, drawn at random; 0 for all."""
    export_legacy: bool = False
    """Also write the published table, sensitivity_legacy/rq2_results.csv."""
