"""Attacked images in doubt: search them, leave them out on wish, test with and without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.dejavu.doubt_findings import NearDuplicateCounts, VisibleObjectCounts
from imprint.lenses.dejavu.doubt_options import DoubtChoice
from imprint.lenses.dejavu.study.near_duplicates import (
    COUNTS,
    PAIRS,
    FindNearDuplicates,
    NearDuplicateGallery,
    images_with_duplicates,
)
from imprint.lenses.dejavu.study.visible_objects import VisibleObjects
from imprint.study.finding import read_finding
from imprint.study.store import Study
from imprint.study.tables import read_table

NEAR_DUPLICATES, VISIBLE_OBJECTS, EITHER = "near_duplicates", "visible_objects", "either"


@dataclass(frozen=True, eq=False)
class Doubts:
    """Which attacked images are in doubt.

    Attributes:
        images: bool ``[n]`` by doubt, those with it; no key for a doubt that was not looked for.
        excluded: doubts whose images are left out of the test.
        near_duplicates: counts of them.
        visible_objects: likewise.
    """

    images: Mapping[str, BoolArray]
    excluded: tuple[str, ...]
    near_duplicates: NearDuplicateCounts | None
    visible_objects: VisibleObjectCounts | None

    def kept(self, count: int) -> BoolArray:
        """Return which of n attacked images are tested, bool ``[n]``."""
        out = np.zeros(count, dtype=bool)
        for name in self.excluded:
            out |= self.images[name]
        return ~out

    @property
    def any(self) -> bool:
        """Whether an image is in doubt."""
        return any(bool(rows.any()) for rows in self.images.values())

    @property
    def subsets(self) -> dict[str, BoolArray]:
        """The images to leave out of each further test, bool ``[n]`` by name."""
        subsets = dict(self.images)
        if len(subsets) > 1:
            subsets[EITHER] = np.logical_or.reduce(list(self.images.values()))
        return subsets


def find_doubts(
    study: Study,
    choice: DoubtChoice,
    crops: View,
    sets: Mapping[str, IntArray],
    visible: VisibleObjects | None,
    device: DeviceName,
) -> Doubts:
    """Return which attacked images are in doubt; write pairs of near-duplicates and show some.

    Args:
        study: where tables go.
        choice: what is looked for, and what is left out.
        crops: the attacked crops.
        sets: int64 by name, images among which near-duplicates are searched, disjoint; every
            attacked image is in one.
        visible: which crops show their object, where that is looked for.
        device: where candidates are searched.
    """
    images: dict[str, BoolArray] = {}
    excluded, counts, objects = [], None, None
    if choice.near_duplicates != "off":
        images[NEAR_DUPLICATES], counts = _near_duplicates(
            study, choice, crops.images, crops.index, sets, device
        )
        excluded += [NEAR_DUPLICATES] if choice.near_duplicates == "exclude" else []
    if visible is not None:
        shown = images[VISIBLE_OBJECTS] = visible.shown
        objects = VisibleObjectCounts(len(shown), int(shown.sum()), int(visible.unknown.sum()))
        excluded += [VISIBLE_OBJECTS] if choice.visible_objects == "exclude" else []
    return Doubts(images, tuple(excluded), counts, objects)


def check_kept(kept: BoolArray, sets: Mapping[str, BoolArray]) -> None:
    """Check that images are left to test.

    Args:
        kept: bool ``[n]``, attacked images that are not left out.
        sets: bool ``[n]`` by name, sets of them that need an image each.

    Raises:
        ImprintError: a set has none.
    """
    for name, rows in sets.items():
        if not kept[rows].any():
            raise ImprintError(
                f"all {int(rows.sum())} attacked images of {name} are left out for near-duplicates "
                "or visible objects: choose --near-duplicates report and --visible-objects report"
            )


def _near_duplicates(
    study: Study,
    choice: DoubtChoice,
    images: ImageSet,
    attacked: IntArray,
    sets: Mapping[str, IntArray],
    device: DeviceName,
) -> tuple[BoolArray, NearDuplicateCounts]:
    step = FindNearDuplicates(images, attacked, dict(sets), choice.duplicate_search, device)
    folder = study.run(step)
    counts = read_finding(NearDuplicateCounts, folder / COUNTS)
    if counts.pairs:
        study.run(NearDuplicateGallery(images, pairs=folder))
        log(
            f"{images.name}: {counts.images} of {counts.attacked} attacked images have a "
            "near-duplicate; the report gives the score with and without them"
        )
    return images_with_duplicates(read_table(folder / PAIRS), attacked), counts
