"""Influence summed over queries, by class of the record and class of the query.

Each entry is of one record left out by itself, so a sum over records says what they do one at a
time, which to first order, not exactly, is what they do together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.influence_sum_findings import InfluenceSums, SummedInfluence
from imprint.stats import Estimate
from imprint.stats.bootstrap import mean
from imprint.study.tables import Table

NAMED = 5
"""Records named at either end."""
SHOWN_CLASSES = 12
"""Classes of the matrix in the findings: those with the most queries."""
MAX_BLOCK_VALUES = 1 << 22
"""Numbers of a block of queries."""


def sum_influence(
    influence: FloatArray,
    record_labels: IntArray,
    query_labels: IntArray,
    classes: Sequence[str],
    index: IntArray | None = None,
    own_pairs: bool = True,
) -> tuple[Table, Table, InfluenceSums]:
    """Return one row per record, one per pair of classes, and what the sums show.

    >>> table, classes, sums = sum_influence(
    ...     np.array([[1.0, 0.0], [-2.0, 0.5]]), np.array([0, 1]), np.array([0, 1]), ("a", "b")
    ... )
    >>> table["influence_sum"].tolist(), sums.matrix
    ([1.0, -1.5], ((1.0, -2.0), (0.0, 0.5)))

    Args:
        influence: float64 ``[n, q]``, signed, above 0 where the record raises the output of the
            query's class.
        record_labels: int64 ``[n]``, positions in ``classes``.
        query_labels: int64 ``[q]``, likewise.
        classes: c names.
        index: int64 ``[n]``, names of the records.
        own_pairs: whether entry (i, i) counts; False where queries are the records themselves.

    Returns:
        one row per record with ``influence_sum [n]`` and ``influence_by_query_class [n, c]``; one
        row per class of queries and of records with ``influence_per_query``; and the findings.

    Raises:
        ImprintError: shapes or labels that do not fit.
    """
    _check(influence, record_labels, query_labels, len(classes))
    count, queries = influence.shape
    names = np.arange(count) if index is None else index
    inside = np.eye(len(classes))
    by_record = np.zeros((count, len(classes)))
    by_query = np.zeros((queries, len(classes)))
    step = max(1, MAX_BLOCK_VALUES // count)
    for start in range(0, queries, step):
        part = slice(start, min(start + step, queries))
        block = np.array(influence[:, part], dtype=np.float64)
        if not own_pairs:
            rows = np.arange(part.start, part.stop)
            block[rows, rows - start] = 0
        by_record += block @ inside[query_labels[part]]
        by_query[part] = block.T @ inside[record_labels]
    total = by_record.sum(1)
    table = {
        "index": names,
        "label": record_labels,
        "influence_sum": total,
        "influence_by_query_class": by_record,
    }
    queried = np.bincount(query_labels, minlength=len(classes))
    fitted = np.bincount(record_labels, minlength=len(classes))
    matrix = inside[query_labels].T @ by_query / np.maximum(queried, 1)[:, None]
    all_names = np.array(classes)
    pairs = {
        "index": np.arange(matrix.size),
        "query_class": np.repeat(all_names, len(classes)),
        "record_class": np.tile(all_names, len(classes)),
        "influence_per_query": matrix.ravel(),
        "pairs": np.outer(queried, fitted).ravel(),
    }
    same = by_query[np.arange(queries), query_labels]
    # The classes with the most queries, in their own order.
    shown = np.sort(np.argsort(-queried, kind="stable")[:SHOWN_CLASSES])
    findings = InfluenceSums(
        tuple(classes[place] for place in shown),
        len(classes),
        tuple(queried[shown].tolist()),
        tuple(fitted[shown].tolist()),
        tuple(tuple(row) for row in matrix[np.ix_(shown, shown)].tolist()),
        _mean(same, "same"),
        _mean(by_query.sum(1) - same, "others"),
        *_named(total, record_labels, classes, names),
        own_pairs,
    )
    return table, pairs, findings


def _named(
    total: FloatArray, labels: IntArray, classes: Sequence[str], index: IntArray
) -> tuple[tuple[SummedInfluence, ...], tuple[SummedInfluence, ...]]:
    """Return the records of the largest sums, falling, and of the smallest ones, rising."""
    order = np.argsort(-total, kind="stable")
    ends = order[:NAMED][total[order[:NAMED]] > 0], order[::-1][:NAMED]
    ends = ends[0], ends[1][total[ends[1]] < 0]
    raising, lowering = (
        tuple(
            SummedInfluence(int(index[row]), classes[labels[row]], float(total[row]))
            for row in rows.tolist()
        )
        for rows in ends
    )
    return raising, lowering


def _mean(values: FloatArray, purpose: str) -> Estimate | Missing:
    if len(values) < 2:
        return Missing("one query has no spread")
    return mean(values, generator(0, "influence sums", purpose))


def _check(influence: FloatArray, records: IntArray, queries: IntArray, classes: int) -> None:
    if influence.ndim != 2 or influence.shape != (len(records), len(queries)):
        raise ImprintError(
            f"influence of shape {list(influence.shape)} does not fit {len(records)} records and "
            f"{len(queries)} queries: give [n, q]"
        )
    if not influence.size:
        raise ImprintError("influence is empty: give at least one record and one query")
    for name, labels in (("records", records), ("queries", queries)):
        if not 0 <= labels.min() <= labels.max() < classes:
            raise ImprintError(
                f"classes of the {name} run from {labels.min()} to {labels.max()}, but there are "
                f"{classes}"
            )
