"""How exposed each record is over a cohort: in how many of the models that saw it, it is found.

A model's threshold is its own: the lowest score that calls no more than the allowed share of its
non-members. Where :mod:`imprint.lenses.membership.cohort.exposure` ranks the records of one
network, this counts, so a record is exposed when training on it leaves a trace again and again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.lenses.membership.cohort.exposure import overlaps, top_sets


def called(scores: FloatArray, members: BoolArray, fpr: float) -> BoolArray:
    """Return which records each model's threshold calls members, bool ``[K, N]``.

    Args:
        scores: float64 ``[K, N]``, row k of the attack on model k.
        members: bool ``[K, N]``.
        fpr: share of a model's non-members that may be called, in [0, 1).
    """
    found = np.empty(scores.shape, dtype=bool)
    for row, (score, inside) in enumerate(zip(scores, members, strict=True)):
        outside = np.sort(score[~inside])
        allowed = int(fpr * len(outside) + 1e-9)
        # A score is called when it exceeds the first non-member that must not be.
        found[row] = score > outside[len(outside) - 1 - allowed]
    return found


def times_found(scores: FloatArray, members: BoolArray, fpr: float) -> IntArray:
    """Return in how many of the models that were trained on it each record is found, ``[N]``.

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


def mean_curve(scores: FloatArray, members: BoolArray, rates: FloatArray) -> FloatArray:
    """Return the true positive rate at each false positive rate, the mean over targets.

    Each target has its own threshold, and no step is interpolated.

    Args:
        scores: float64 ``[K, N]``.
        members: bool ``[K, N]``.
        rates: float64 ``[r]`` in [0, 1].
    """
    total = np.zeros(len(rates))
    for score, inside in zip(scores, members, strict=True):
        outside, hits = np.sort(score[~inside]), np.sort(score[inside])
        allowed = np.minimum((rates * len(outside) + 1e-9).astype(np.int64), len(outside))
        # Where all may be called, so are all members.
        least = np.concatenate([[-np.inf], outside])[len(outside) - allowed]
        total += 1 - np.searchsorted(hits, least, side="right") / len(hits)
    return np.asarray(total / len(scores))
