"""Cross-fitting: every crop is judged by references that were never trained on it.

The crops that are to be judged fall into K folds of equal class shares. For each fold a reference
is trained on the crops of all other folds and on those that nobody asks about, so g knows almost
as much as there is to know, where a g that is trained once, on other images than it is asked about,
knows half of it and takes the rest for memory (dejavu spec §10, T11). With several seeds folds and
training are drawn anew and the probabilities are averaged (an ensemble's mixture, not the
logarithms' mean: one reference that is sure and wrong must not veto the others).

With one fold there is a single reference, of the crops that nobody asks about: trained once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.stats.folds import k_fold

ALWAYS_TRAINS = -1

FitAndPredict = Callable[[IntArray, IntArray, str, int], FloatArray]
"""From rows to train on, rows to predict, a name and a seed to log-probabilities ``[rows, C]``."""


def fold_of(judged: BoolArray, labels: IntArray, folds: int, seed: int) -> IntArray:
    """Return the fold of every crop, int64 ``[n]``; −1 for those that are not judged.

    Args:
        judged: bool ``[n]``, which crops are asked about.
        labels: int64 ``[n]``.
        folds: K; 1 trains once.
        seed: of the draw.

    Raises:
        ImprintError: fewer than one fold, more folds than crops, or nothing to train on.
    """
    if folds < 1:
        raise ImprintError(f"--folds is {folds}: choose 2 or more, or 1 to train once")
    if folds == 1 and judged.all():
        raise ImprintError(
            "references trained once need crops of images that are not attacked: choose 2 folds or "
            "more, or give held-out images with backgrounds"
        )
    found = np.full(len(labels), ALWAYS_TRAINS, dtype=np.int64)
    found[judged] = 0 if folds == 1 else k_fold(int(judged.sum()), folds, seed, labels[judged])
    return found


def cross_fit(
    fit_and_predict: FitAndPredict,
    judged: BoolArray,
    labels: IntArray,
    folds: int,
    seeds: int,
    seed: int,
) -> FloatArray:
    """Return log-probabilities of the judged crops, float64 ``[judged, C]``, in their order.

    Args:
        fit_and_predict: trains on some rows, predicts others; called with a name such as
            ``seed_0_fold_3`` and a seed of its own.
        judged: bool ``[n]``, which crops are asked about; all others always train.
        labels: int64 ``[n]``.
        folds: K; 1 trains once.
        seeds: how many times everything is drawn and trained anew.
        seed: of folds and training.

    Raises:
        ImprintError: as :func:`fold_of`, or fewer than one seed.
    """
    if seeds < 1:
        raise ImprintError(f"--seeds is {seeds}: choose 1 or more")
    total: FloatArray | None = None
    for run in range(seeds):
        where = fold_of(judged, labels, folds, derive(seed, "cross-fit folds", run))
        place = np.cumsum(judged) - 1
        parts: dict[int, FloatArray] = {}
        for fold in range(folds):
            name = f"seed_{run}_fold_{fold}"
            parts[fold] = fit_and_predict(
                np.flatnonzero(where != fold),
                np.flatnonzero(where == fold),
                name,
                derive(seed, "cross-fit", run, fold),
            )
        found = np.empty((int(judged.sum()), parts[0].shape[1]))
        for fold, rows in parts.items():
            found[place[where == fold]] = rows
        total = found if total is None else np.logaddexp(total, found)
    assert total is not None
    return total if seeds == 1 else total - np.log(seeds)
