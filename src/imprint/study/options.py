"""Options that several commands share, one group a dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.study.counted import uncounted
from imprint.study.option_types import Formerly, Numbers, Settings

MAX_STAMP_LETTERS = 80


@dataclass(frozen=True, kw_only=True)
class Common(Checked):
    """Options of every command."""

    out: Path = uncounted()
    """Folder for everything the command writes."""
    seed: int = 0
    """Seed of everything random."""
    device: Literal["auto", "cpu", "cuda", "mps"] = uncounted(default="auto")
    """Where networks run; auto: the best available."""
    json: bool = uncounted(default=False)
    """Print the findings as JSON."""
    stamp: str = uncounted(default="")
    """Date or label of the run for the front page of the report, e.g. "$(date -I)". Without it the
    report holds no date, and the same run gives the same bytes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.stamp) > MAX_STAMP_LETTERS:
            complaint = f"must be at most {MAX_STAMP_LETTERS} letters, got {len(self.stamp)}"
            raise OptionError(type(self), "stamp", complaint)


@dataclass(frozen=True, kw_only=True)
class WeightsChoice(Checked):
    """How weights are read, where neither a model card nor the names of tensors say it."""

    card: Path | None = None
    """Model card, if it is not NAME.json beside the weights. JSON with architecture, channels,
    outputs, input_size, mean and std."""
    mean: Numbers = ()
    """Mean of each input channel in training, for pixels in [0, 1]; default: that of the card or
    the checkpoint's layout."""
    std: Numbers = ()
    """Standard deviation of each input channel in training; default: as for --mean."""
    output: str = ""
    """Index or key of the logits, where the network returns a tuple or a dictionary. Default: the
    entry logits, or the only one of as many columns as there are outputs."""
    key_prefix: str = ""
    """Read only the tensors whose names begin with this prefix, and strip it."""
    key_map: Settings = ()
    """Replace beginnings of tensor names: stem.=conv1.,head.=fc."""

    @property
    def weights_flags(self) -> tuple[str, ...]:
        """The flags of this group that were set."""
        stated = {
            "--card": self.card is not None,
            "--mean": self.mean,
            "--std": self.std,
            "--output": self.output,
            "--key-prefix": self.key_prefix,
            "--key-map": self.key_map,
        }
        return tuple(flag for flag, is_set in stated.items() if is_set)


@dataclass(frozen=True, kw_only=True)
class ModelChoice(WeightsChoice):
    """The network under audit."""

    model: Annotated[Path | None, Formerly("subject")] = None
    """Weights of the network under audit, with its card NAME.json beside it, or a folder that
    save_pretrained of transformers wrote."""


@dataclass(frozen=True, kw_only=True)
class DataChoice(Checked):
    """The images."""

    data: str = "composite"
    """Images: folder, array file, hf:FOLDER, A-{0..9}.tar, or composite, the embedded set."""
    layout: str = "auto"
    """Layout of the data: auto, or a name that imprint list layouts prints."""
    part: str = ""
    """Part of the data: train, val, test …; default: the training part."""
    boxes: Path | None = None
    """Bounding boxes, the format is recognised: a folder of Pascal VOC files, CLASS/NAME.xml, or of
    YOLO text files, NAME.txt, or a COCO instances JSON file."""
    on_bad_box: Literal["error", "clamp"] = "error"
    """Stop at a box that exceeds its image (error), or clamp it."""
    box_ends: Literal["auto", "exclusive", "inclusive"] = "auto"
    """Whether the maximum coordinates of a box belong to it (inclusive). auto: inclusive in the
    text files of Tiny ImageNet, exclusive elsewhere."""
    box_margin: Annotated[int, Bounds(least=0)] = 0
    """Pixels by which boxes are enlarged on all sides, for boxes drawn too tightly."""
    skip_corrupt: bool = False
    """Leave out images that cannot be decoded, and name them, instead of stopping."""
    composite_count: Annotated[int, Bounds(least=10, why="one of each class")] = 960
    """Images of the embedded set."""
    background_correlation: Annotated[float, Bounds(least=0, most=1)] = 0.0
    """Share of the images of the embedded set whose background follows from their class."""


@dataclass(frozen=True, kw_only=True)
class CropChoice(Checked):
    """Which rectangle of an image is its background."""

    crop: Literal["slab", "maxrect", "corner"] = "maxrect"
    """Background crop: the largest rectangle outside all boxes (maxrect), the largest that spans
    the image (slab, as published), or a corner."""
    min_crop_px: Annotated[float, Bounds(least=0)] = 8
    """Use only crops whose shorter side exceeds this number of pixels (published: 100)."""
    corner: Literal["lower_left", "lower_right", "upper_left", "upper_right"] = "lower_left"
    """Corner of the corner crop."""
    corner_fraction: Annotated[float, Bounds(above=0, most=1)] = 0.3
    """Side of the corner crop as a share of the image's."""
    centre_fraction: Annotated[float, Bounds(above=0, most=1)] = 1.0
    """Share of the shorter side that the centre square keeps (published: 0.875)."""
