"""Options of ``coverage detection``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, OptionError
from imprint.study.option_types import Integers, Names, Numbers
from imprint.study.options import Common


@dataclass(frozen=True, kw_only=True)
class DetectionOptions(Common):
    """Measure importance, coverage and ablation of a detector."""

    model: Path
    """Folder that save_pretrained of transformers wrote: a detector of the YOLOS, DETR, RT-DETR or
    D-FINE kind; or package.module:function that returns an imprint Detector."""
    data: Path
    """Folder of the images that the annotations list."""
    annotations: Path
    """COCO instances file: the objects in the images."""
    image_size: Annotated[int | None, Bounds(least=1, most=8192)] = None
    """Side of the square that images are stretched to. Default: that of the folder's image
    processor or configuration."""
    mean: Numbers = ()
    """Mean of each channel, for pixels in [0, 1]; default: that of the folder's image processor."""
    std: Numbers = ()
    """Standard deviation of each channel; default: as for --mean."""
    threshold: Annotated[float, Bounds(least=0, most=1)] = 0.5
    """Least score of a box that counts for overlap and recall, and is explained."""
    attribution: str = "lrp"
    """What ranks the neurons; see imprint list attributions. random is the control."""
    criterion: Literal["nc", "kmnc", "snac", "nbc", "tknc"] = "kmnc"
    """Coverage criterion, fitted to the images that rank the neurons."""
    exclude_layers: Names = ("class", "bbox", "score")
    """Layers that are never taken away: those with one of these in their module path."""
    top_counts: Annotated[Integers, Bounds(least=1)] = (10, 20, 50)
    """Numbers of leading neurons to take away."""
    draws: Annotated[int, Bounds(least=2, most=10_000)] = 30
    """Random sets of neurons to compare with: from all other layers, and as many of each layer as
    the leading ones."""
    importance_records: Annotated[int, Bounds(least=1)] = 100
    """Maximum number of images that rank the neurons, at most half of all; the others test."""
    test_records: Annotated[int, Bounds(least=0)] = 100
    """Maximum number of images that test, drawn at random; 0 for all others."""
    batch_size: Annotated[int, Bounds(least=1)] = 8
    """Images a pass; changes nothing but memory and speed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.top_counts:
            raise OptionError(DetectionOptions, "top_counts", "is empty: give at least one")
