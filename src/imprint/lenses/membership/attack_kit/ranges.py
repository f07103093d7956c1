"""Range membership: does a range of inputs hold any training record?

n points of the range are scored by any attack, and a part of the scores is averaged: the ``kept``
highest or lowest. Points far from a training record within the range dilute a mean over all, single
outliers spoil a maximum. Kept is an integer, for a share times n is not: (1 − .8) · 10 floors to 1.
Number and side are chosen on reference models, whose members are known, by the mean AUC; of equals
the most points, then the highest.

A range counts as a member if *any* record in it was trained on, its centre or not.

Tao, Shokri 2024, "Range Membership Inference Attacks", arXiv 2408.05131. O(n log n) a range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.stats.roc import area

Side = Literal["highest", "lowest"]


@dataclass(frozen=True)
class Trim:
    """Which scores of a range are averaged.

    Attributes:
        kept: how many, at least 1.
        side: from which end.
    """

    kept: int
    side: Side = "highest"


@dataclass(frozen=True)
class LabelledRanges:
    """Scores of one reference model on ranges whose truth is known.

    Attributes:
        scores: float64 ``[n_points, n_ranges]``.
        members: bool ``[n_ranges]``, of both kinds.
    """

    scores: FloatArray
    members: BoolArray


def trimmed_mean(scores: FloatArray, trim: Trim) -> FloatArray:
    """Return the mean of the kept scores, float64 ``[n_ranges]`` of ``[n_points, n_ranges]``.

    Examples:
        >>> scores = np.arange(1, 11)[:, None] / 10
        >>> [round(trimmed_mean(scores, Trim(6, side)).item(), 9) for side in ("highest", "lowest")]
        [0.75, 0.35]
    """
    ordered = np.sort(scores, axis=0)
    part = ordered[-trim.kept :] if trim.side == "highest" else ordered[: trim.kept]
    return np.asarray(part.mean(axis=0))


def choose_trim(points: int, references: Sequence[LabelledRanges]) -> Trim:
    """Return the trim with the greatest mean AUC over reference models; all points without any."""
    trims = list(_all_trims(points))
    if not references:
        return trims[0]
    areas = [[_area(each, trim) for trim in trims] for each in references]
    return trims[int(np.argmax(np.mean(areas, axis=0)))]


def _all_trims(points: int) -> Iterator[Trim]:
    for kept in range(points, 0, -1):
        yield Trim(kept, "highest")
        if kept < points:
            yield Trim(kept, "lowest")


def _area(labelled: LabelledRanges, trim: Trim) -> float:
    scores = trimmed_mean(labelled.scores, trim)
    return area(scores[labelled.members], scores[~labelled.members])
