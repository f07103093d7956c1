"""How exposed each record is: to one attack on one network, and over the models of a cohort.

On one network records are ranked by the false positive rate at which they are called members. Over
a cohort it is counted in how many of the models that were trained on a record it is detected; a
model's threshold is its own, the lowest score that calls no more than the allowed share of its
non-members. So a record is exposed when training on it leaves a trace again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.cohort.agreement import top_sets


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


def called(scores: FloatArray, members: BoolArray, fpr: float) -> BoolArray:
    """Return which records each model's threshold calls members, bool ``[K, N]``.

    Args:
        scores: float64 ``[K, N]``, row k of the attack on model k.
        members: bool ``[K, N]``.
        fpr: share of a model's non-members that may be called, in [0, 1).
    """
    is_called = np.empty(scores.shape, dtype=bool)
    for row, (score, inside) in enumerate(zip(scores, members, strict=True)):
        outside = np.sort(score[~inside])
        allowed = int(fpr * len(outside) + 1e-9)
        # A score is called when it exceeds the first non-member that must not be.
        is_called[row] = score > outside[len(outside) - 1 - allowed]
    return is_called


def times_detected(scores: FloatArray, members: BoolArray, fpr: float) -> IntArray:
    """Return in how many of the models that were trained on it each record is detected, ``[N]``.

    Arguments as :func:`called`.
    """
    return np.asarray((called(scores, members, fpr) & members).sum(axis=0))


def mean_over_members(values: FloatArray, members: BoolArray) -> FloatArray:
    """Return the mean over the models that were trained on each record, float64 ``[N]``.

    NaN where there is none.

    Args:
        values: float64 ``[K, N]``.
        members: bool ``[K, N]``.
    """
    count = members.sum(axis=0)
    total = np.einsum("kn,kn->n", values, members.astype(np.float64))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
