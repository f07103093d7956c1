"""The two-model test on a part of its images: the same estimator, the same intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imprint.core.arrays import BoolArray
from imprint.lenses.dejavu.estimates import ByPercent
from imprint.lenses.dejavu.memorization.two_model import Side, two_model


def rows_of_side(side: Side, rows: BoolArray) -> Side:
    """Return one direction of the test with some of its images.

    Raises:
        ImprintError: no image is left.
    """
    return replace(
        side,
        index=side.index[rows],
        labels=side.labels[rows],
        target=side.target.rows(rows),
        reference=side.reference.rows(rows),
    )


def subset_test(
    sides: Sequence[Side], kept: Sequence[BoolArray], percents: Sequence[float], top: int, seed: int
) -> ByPercent | None:
    """Return the test on some images of every side, None where a side has none left.

    The most confident p % are those of the images that are left.

    Args:
        sides: of the test.
        kept: bool ``[n]`` a side, which images to keep.
        percents: of the test.
        top: of the test.
        seed: of the bootstrap.
    """
    if not all(rows.any() for rows in kept):
        return None
    left = [rows_of_side(side, rows) for side, rows in zip(sides, kept, strict=True)]
    return two_model(left, percents, top, seed)
