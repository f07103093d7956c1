"""What can be chosen about judging samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from imprint.core.bounds import Bounds, OptionError
from imprint.study.option_types import Names
from imprint.study.options import Common, DataChoice, WeightsChoice


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(DataChoice, WeightsChoice, Common):
    """Which samples are judged, by which networks, against which images."""

    samples: Path
    """Folder of imprint reconstruct sample: samples of the target encoder, of images it was trained
    on."""
    reference: Path | None = None
    """The same for the reference encoder, which was not trained on these images."""
    leak: Names = ()
    """Folders of samples of target and reference, DIR,DIR, of images that neither was trained on:
    there the two ought not to differ."""
    classifier: Path
    """Weights of a classifier of the classes of --data, trained apart from the encoders, with the
    card NAME.json beside them."""
    features: Path | None = None
    """Weights of the network whose penultimate features are compared, with the card beside them;
    default: the classifier's."""
    real: Path | None = None
    """A .npy file of indices of real images that the quality of samples is measured against;
    default: the originals."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps, as in sampling."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.leak and len(set(self.leak)) != 2:
            complaint = f"must name two folders, DIR,DIR, got {len(set(self.leak))}"
            raise OptionError(EvaluateOptions, "leak", complaint)
        if self.leak and self.reference is None:
            raise OptionError(EvaluateOptions, "leak", "needs --reference: it compares the two")
