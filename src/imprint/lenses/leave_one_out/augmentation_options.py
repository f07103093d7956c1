"""Options of ``leave-one-out augment``: augmentations of removed records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked
from imprint.lenses.leave_one_out.composition_options import RemovalChoice
from imprint.lenses.leave_one_out.options import Count, RecordOptions
from imprint.study.option_types import Names


@dataclass(frozen=True, kw_only=True)
class AugmentationChoice(Checked):
    """Which augmentations of removed records are queried, or added to the data."""

    removed: Count = 20
    """Removed records, drawn at random."""
    augmentations: Names = ("shift", "flip", "rotate", "brightness", "contrast", "channel_shift",
                            "noise")  # fmt: skip
    """Augmentations: shift (up to 5 pixels of 32), flip (left to right), rotate (90° either way),
    brightness and contrast (up to 20 %), channel_shift (up to 5 of 255 a channel), noise (5 of
    255)."""
    draws: Annotated[int, Bounds(least=1)] = 4
    """Random queries of each kind per record."""
    copies: Annotated[int, Bounds(least=0)] = 10
    """Most augmented copies of a removed record that are added to both data sets; 0 for none."""
    copy_step: Annotated[int, Bounds(least=1)] = 2
    """Copies added at a time."""


@dataclass(frozen=True, kw_only=True)
class AugmentOptions(AugmentationChoice, RemovalChoice, RecordOptions):
    """Leave-one-out distinguishability under augmentations of the removed records."""
