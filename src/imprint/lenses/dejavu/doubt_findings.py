"""Attacked images whose score may be no memorization: how many, and the test without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.lenses.dejavu.estimates import ByPercent


@dataclass(frozen=True)
class DuplicateRelation:
    """Near-duplicates between two sets of images, or inside one.

    Attributes:
        first: the set of an attacked image, such as ``A``.
        second: the set of its near-duplicate: the same one, the other one, ``shared`` or
            ``public``.
        pairs: how many.
        images: attacked images that are in one of them.
    """

    first: str
    second: str
    pairs: int
    images: int


@dataclass(frozen=True)
class NearDuplicateCounts:
    """Attacked images with near-duplicates.

    Attributes:
        attacked: images that were searched for.
        images: those with at least one.
        pairs: how many pairs.
        relations: by the sets of both images.
    """

    attacked: int
    images: int
    pairs: int
    relations: tuple[DuplicateRelation, ...]


@dataclass(frozen=True)
class VisibleObjectCounts:
    """Crops that show an object of their image's class, by a detector or tagger.

    Attributes:
        attacked: crops that were looked up.
        images: those that show it.
        unknown: those of which nothing is written.
    """

    attacked: int
    images: int
    unknown: int


@dataclass(frozen=True)
class SubsetTest:
    """The test without the images in doubt; ``test`` is missing where none is left.

    Attributes:
        left_out: how many of the images.
        n: how many are left.
    """

    left_out: int
    n: int
    test: ByPercent | None = None


@dataclass(frozen=True)
class DoubtFindings:
    """The test on all attacked images, and without those in doubt.

    Attributes:
        excluded: doubts whose images are left out of the findings beside this.
        test: on all attacked images; in a one-model test, against the best reference.
        without: by doubt, ``near_duplicates`` or ``visible_objects``; ``either`` where both were
            looked for.
    """

    excluded: tuple[str, ...]
    test: ByPercent
    without: Mapping[str, SubsetTest]
    near_duplicates: NearDuplicateCounts | None = None
    visible_objects: VisibleObjectCounts | None = None
