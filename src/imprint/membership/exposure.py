"""Which records are most exposed, and whether attacks agree on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imprint.errors import ImprintError
from imprint.membership.cohort import IntArray
from imprint.membership.evaluation import check_both
from imprint.membership.moments import BoolArray, FloatArray

TOP_SHARE = 0.01
LEAST_TOP = 10


@dataclass(frozen=True)
class Exposure:
    """How exposed every record is.

    Attributes:
        order: int64 ``[members]``, the members' rows, the most exposed first.
        fpr: float64 ``[N]``, share of the non-members who score at least as high: the false
            positive rate at which this record is called a member.
        agreement: int64 ``[N]``, how many attacks have the record among their top.
    """

    order: IntArray
    fpr: FloatArray
    agreement: IntArray


def exposure(scores: Mapping[str, FloatArray], members: BoolArray, by: str) -> Exposure:
    """Return how exposed every record is under one attack, and how many others agree.

    Members are ordered by the rate at which they are called, then by the attacks that agree, then
    by score.

    Args:
        scores: float64 ``[N]`` by attack.
        members: bool ``[N]``.
        by: the attack to go by.

    Raises:
        ImprintError: no such attack, or too few members or non-members.
    """
    check_both(members)
    if by not in scores:
        raise ImprintError(f"no scores of {by!r}: choose one of {', '.join(scores)}")
    score = scores[by]
    outside = np.sort(score[~members])
    at_least = len(outside) - np.searchsorted(outside, score, side="left")
    fpr = at_least / len(outside)
    agreement = top_sets(scores).sum(axis=0)
    order = np.lexsort((-score, -agreement, fpr))
    return Exposure(order[members[order]], fpr, agreement)


def top_size(records: int) -> int:
    """Return how many records make the top: 1 %, at least ``LEAST_TOP``, at most all."""
    return min(records, max(LEAST_TOP, round(TOP_SHARE * records)))


def top_sets(scores: Mapping[str, FloatArray]) -> BoolArray:
    """Return which records are among the top of each attack, bool ``[attacks, N]``.

    All records as high as the last of the top are in it, so ties are never broken by position.
    """
    rows = []
    for score in scores.values():
        last = np.partition(score, -top_size(len(score)))[-top_size(len(score))]
        rows.append(score >= last)
    return np.stack(rows)


def overlaps(tops: BoolArray) -> FloatArray:
    """Return what share of the smaller of two top sets is in the other, float64 ``[m, m]``.

    1 where one holds the other (Szymkiewicz–Simpson). For attacks that have nothing in common it
    is about the share of the larger set among all records.
    """
    both = tops.astype(np.float64) @ tops.T.astype(np.float64)
    size = tops.sum(axis=1)
    return np.asarray(both / np.minimum(size[:, None], size[None]))
