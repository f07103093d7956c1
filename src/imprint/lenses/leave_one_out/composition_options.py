"""Options of which records are fitted (the data set D) and which are removed (S)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.core.bounds import Checked
from imprint.study.option_types import Integers, Names

RemovedKind = Literal["fitted", "one_class", "same_class", "balanced", "noise"]
Composition = Literal["drawn", "balanced", "one_class"]


@dataclass(frozen=True, kw_only=True)
class CompositionChoice(Checked):
    """Which classes the fitted records have, and in which shares."""

    classes: Names = ()
    """Keep these classes: a number of first ones (published: 2), or two or more names. Left out, or
    0, all."""
    composition: Composition = "drawn"
    """Classes of the fitted records: as drawn, balanced (as many of each class), or one_class (all
    of one class, drawn at random from those kept)."""


@dataclass(frozen=True, kw_only=True)
class RemovalChoice(Checked):
    """Which records are removed."""

    removed_kind: RemovedKind = "fitted"
    """What is removed: records of the fit (fitted; groups are of one class), or records that the
    fit lacks, each group added to it by itself: of one class drawn at random (one_class), of the
    class of a one-class fit (same_class), of all classes in turn (balanced), or images of uniform
    noise with random labels (noise)."""
    removed_part: str = ""
    """Where records that the fit lacks are drawn from: another part of the data, such as test, or,
    of --arrays, queries. Left out, the records that the fit did not take."""
    removed_index: Integers = ()
    """Remove these records of the fit, by their indices, instead of drawing them."""
