"""Which records attacks suspect together: overlaps and intersections of their top sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray

TOP_SHARE = 0.01
MIN_TOP_RECORDS = 10
MAX_SETS = 5
MAX_COUNTED_SETS = 62

Pattern = tuple[bool, ...]
"""Which of several sets a record is in, and with it that it is in no other of them."""


@dataclass(frozen=True)
class TopSetAgreement:
    """Which records the best attacks suspect together.

    Attributes:
        attacks: names, those whose top sets are the same together.
        patterns: in which of these top sets, and in no other, records are; the most frequent first.
        counts: how many records each pattern has, over several targets the mean.
        others: how many more top sets there are that differ.
    """

    attacks: tuple[tuple[str, ...], ...]
    patterns: tuple[Pattern, ...]
    counts: tuple[float, ...]
    others: int

    @property
    def intersections(self) -> list[tuple[Pattern, float]]:
        """Every pattern with its count."""
        return list(zip(self.patterns, self.counts, strict=True))


def top_size(records: int) -> int:
    """Return how many records make the top: 1 %, at least ``MIN_TOP_RECORDS``, at most all."""
    return min(records, max(MIN_TOP_RECORDS, round(TOP_SHARE * records)))


def top_sets(scores: Mapping[str, FloatArray]) -> BoolArray:
    """Return which records are among the top of each attack, bool ``[attacks, N]``.

    All records as high as the last of the top are in it, so ties are never broken by position.
    """
    rows = []
    for score in scores.values():
        last = np.partition(score, -top_size(len(score)))[-top_size(len(score))]
        rows.append(score >= last)
    return np.stack(rows)


def all_top_sets(scores: Mapping[str, FloatArray]) -> BoolArray:
    """Return the top sets of every target, one target after the other, bool ``[m, K · N]``.

    A record of one target is another than that of the next: what is counted here and divided by K
    is a mean over targets, and two attacks are alike when they are so on all.

    Args:
        scores: float64 ``[K, N]`` by attack.
    """
    models = len(next(iter(scores.values())))
    tops = [
        top_sets({name: values[row] for name, values in scores.items()}) for row in range(models)
    ]
    return np.concatenate(tops, axis=1)


def overlaps(tops: BoolArray) -> FloatArray:
    """Return what share of the smaller of two top sets is in the other, float64 ``[m, m]``.

    1 where one holds the other (Szymkiewicz–Simpson). For attacks that have nothing in common it
    is about the share of the larger set among all records.
    """
    both = tops.astype(np.float64) @ tops.T.astype(np.float64)
    size = tops.sum(axis=1)
    return np.asarray(both / np.minimum(size[:, None], size[None]))


def mean_overlaps(scores: Mapping[str, FloatArray]) -> FloatArray:
    """Return how far attacks suspect the same records, the mean over targets, ``[m, m]``.

    Args:
        scores: float64 ``[K, N]`` by attack.
    """
    models = len(next(iter(scores.values())))
    tables = [
        overlaps(top_sets({name: values[row] for name, values in scores.items()}))
        for row in range(models)
    ]
    return np.asarray(np.mean(tables, axis=0))


def group_equal_sets(tops: BoolArray) -> list[list[int]]:
    """Return the rows of sets that hold the same records, together, each kind at its first row.

    >>> group_equal_sets(np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]], dtype=bool))
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
    if sets > MAX_COUNTED_SETS:
        raise ValueError(f"{sets} sets: intersections are counted of at most {MAX_COUNTED_SETS}")
    # One integer a record: sorting these is 50 times faster than sorting the columns.
    codes = np.zeros(tops.shape[1], dtype=np.int64)
    for inside in tops:
        codes = 2 * codes + inside
    counted = [
        (tuple(bool(code >> place & 1) for place in reversed(range(sets))), int(number))
        for code, number in zip(*np.unique(codes, return_counts=True), strict=True)
    ]
    return sorted(counted, key=lambda item: (-item[1], -sum(item[0]), [not on for on in item[0]]))


def agreement(names: Sequence[str], tops: BoolArray, targets: int = 1) -> TopSetAgreement:
    """Return which records the first ``MAX_SETS`` attacks whose top sets differ suspect together.

    Args:
        names: of the attacks, the best first.
        tops: bool ``[m, targets · N]``, their top sets, one target after the other.
        targets: how many there are.
    """
    kinds = group_equal_sets(tops)
    chosen = kinds[:MAX_SETS]
    counted = intersections(tops[[rows[0] for rows in chosen]])
    return TopSetAgreement(
        tuple(tuple(names[row] for row in rows) for rows in chosen),
        tuple(pattern for pattern, _ in counted),
        tuple(number / targets for _, number in counted),
        len(kinds) - len(chosen),
    )
