"""Which records are most exposed, and whether attacks agree on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.evaluation import check_both

TOP_SHARE = 0.01
LEAST_TOP = 10
MOST_SETS = 5

Pattern = tuple[bool, ...]
"""Which of several sets a record is in, and with it that it is in no other of them."""


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


@dataclass(frozen=True)
class Agreement:
    """Which records the best attacks suspect together.

    Attributes:
        attacks: names, those whose top sets are the same together.
        counts: how many records are in the top sets of exactly which of these, the most first;
            over several targets the mean.
        others: how many more top sets there are that differ.
    """

    attacks: list[list[str]]
    counts: list[tuple[Pattern, float]]
    others: int


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


def alike(tops: BoolArray) -> list[list[int]]:
    """Return the rows of sets that hold the same records, together, each kind at its first row.

    >>> alike(np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]], dtype=bool))
    [[0, 2], [1]]
    """
    rows: dict[bytes, list[int]] = {}
    for row, inside in enumerate(np.packbits(tops, axis=1)):
        rows.setdefault(inside.tobytes(), []).append(row)
    return list(rows.values())


def intersections(tops: BoolArray) -> list[tuple[Pattern, int]]:
    """Return how many records are in exactly which sets, the most first.

    Exclusive, as an UpSet plot (Lex et al. 2014) shows them: each record counts once, so the counts
    sum to N; those in no set come under the pattern that is all false. Only patterns that occur are
    listed. Of equal counts the one in more sets comes first, then the one in earlier sets.

    >>> intersections(np.array([[1, 1, 1, 0], [0, 1, 1, 0]], dtype=bool))
    [((True, True), 2), ((True, False), 1), ((False, False), 1)]

    Args:
        tops: bool ``[m, N]``, at most 62 sets.

    Raises:
        ValueError: more sets than an int64 has room for.
    """
    sets = len(tops)
    if sets > _MOST_COUNTED:
        raise ValueError(f"{sets} sets: intersections are counted of at most {_MOST_COUNTED}")
    # One integer a record: sorting these is 50 times faster than sorting the columns.
    codes = np.zeros(tops.shape[1], dtype=np.int64)
    for inside in tops:
        codes = 2 * codes + inside
    found = [
        (tuple(bool(code >> place & 1) for place in reversed(range(sets))), int(number))
        for code, number in zip(*np.unique(codes, return_counts=True), strict=True)
    ]
    return sorted(found, key=lambda item: (-item[1], -sum(item[0]), [not on for on in item[0]]))


def agreement(names: Sequence[str], tops: BoolArray, targets: int = 1) -> Agreement:
    """Return which records the first ``MOST_SETS`` attacks whose top sets differ suspect together.

    Args:
        names: of the attacks, the best first.
        tops: bool ``[m, targets · N]``, their top sets, one target after the other.
        targets: how many there are.
    """
    kinds = alike(tops)
    chosen = kinds[:MOST_SETS]
    found = intersections(tops[[rows[0] for rows in chosen]])
    return Agreement(
        [[names[row] for row in rows] for rows in chosen],
        [(pattern, number / targets) for pattern, number in found],
        len(kinds) - len(chosen),
    )


_MOST_COUNTED = 62
