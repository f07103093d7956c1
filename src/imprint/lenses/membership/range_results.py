"""Range membership in the public API: scores of points in, scores of ranges out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_numbers
from imprint.lenses.membership.attack_kit.ranges import (
    LabelledRanges,
    Side,
    Trim,
    choose_trim,
    trimmed_mean,
)
from imprint.report.result import Result
from imprint.report.table import Column, Table
from imprint.report.wording import significant

SHOWN_RANGES = 10


@dataclass(frozen=True, repr=False)
class RangeScores(Result):
    """Scores of ranges.

    Attributes:
        scores: float64 ``[n_ranges]``, higher where a range is more likely to hold a training
            record.
        trim: how many points of each range were averaged, and from which end.
    """

    scores: FloatArray
    trim: Trim

    def tables(self) -> Sequence[Table]:
        """Return the ranges of the highest scores."""
        order = np.argsort(-self.scores, kind="stable")[:SHOWN_RANGES]
        rows: list[Any] = [[str(row), float(self.scores[row])] for row in order]
        note = f"mean of the {self.trim.kept} {self.trim.side} scores of each range"
        columns = [Column("Range"), Column("Score", significant)]
        return [Table(columns, rows, title="Range membership", note=note)]


def range_attack(
    scores: ArrayLike,
    *,
    kept: int | None = None,
    side: Side = "highest",
    reference_scores: ArrayLike | None = None,
    reference_members: ArrayLike | None = None,
) -> RangeScores:
    """Return one score for each range of inputs from the scores of points in it (RaMIA).

    Args:
        scores: array-like ``[n_points, n_ranges]``, of any attack on points drawn from each range,
            higher for more likely a member: :func:`lira`, :func:`rmia` and so on, with the points
            as records.
        kept: how many scores of each range are averaged; None: all, or what is best on the
            reference models.
        side: the ``highest`` or ``lowest`` scores, where ``kept`` is given.
        reference_scores: ``[n_models, n_points, n_ranges]``, the same of reference models, each
            attacked with the others as its references; number and side are chosen on them.
        reference_members: bool ``[n_models, n_ranges]``, whether each was trained on any record of
            each range, its centre or not.

    Raises:
        ImprintError: arrays that do not fit one another, a reference of members or non-members
            alone, scores that are not finite, or ``kept`` beyond the points.

    References:
        Tao, Shokri 2024, "Range Membership Inference Attacks", arXiv 2408.05131.

    Examples:
        >>> points = np.arange(1, 11)[:, None] / 10
        >>> range_attack(points, kept=6, side="lowest").scores.round(9).tolist()
        [0.35]
    """
    points = _checked(scores, "scores", 2)
    if side not in ("highest", "lowest"):
        raise ImprintError(f"side must be highest or lowest, got {side!r}")
    references = _labelled(points, reference_scores, reference_members)
    if kept is None:
        trim = choose_trim(len(points), references)
    elif references:
        raise ImprintError("give either kept or reference_scores, on which it is chosen")
    else:
        if not 1 <= kept <= len(points):
            raise ImprintError(f"kept must be in [1, {len(points)}], the points, got {kept}")
        trim = Trim(int(kept), side)
    return RangeScores(trimmed_mean(points, trim), trim)


def _labelled(
    points: FloatArray, scores: ArrayLike | None, members: ArrayLike | None
) -> list[LabelledRanges]:
    """Return the ranges of every reference model; none without.

    Raises:
        ImprintError: one array without the other, or of another shape.
    """
    if scores is None and members is None:
        return []
    if scores is None or members is None:
        raise ImprintError("give reference_scores and reference_members together")
    values, flags = _checked(scores, "reference_scores", 3), _flags(members)
    if values.shape[1:] != points.shape or flags.shape != (len(values), points.shape[1]):
        raise ImprintError(
            f"scores of shape {list(points.shape)} need reference_scores of {['n', *points.shape]} "
            f"and reference_members of {['n', points.shape[1]]}, got {list(values.shape)} and "
            f"{list(flags.shape)}"
        )
    alike = flags.all(axis=1) | ~flags.any(axis=1)
    if alike.any():
        raise ImprintError(
            f"reference {int(np.flatnonzero(alike)[0])} has members alone, or none: leave it out"
        )
    return [LabelledRanges(each, inside) for each, inside in zip(values, flags, strict=True)]


def _checked(values: ArrayLike, name: str, axes: int) -> FloatArray:
    array = as_numbers(values, name)
    if array.ndim != axes or 0 in array.shape:
        raise ImprintError(f"{name} must have {axes} axes, none empty, got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise ImprintError(f"{name} holds a score that is not finite: leave that range out")
    return array


def _flags(values: ArrayLike) -> BoolArray:
    array = as_array(values, "reference_members")
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise ImprintError("reference_members must be bool, or 0 and 1")
    return array.astype(bool)
