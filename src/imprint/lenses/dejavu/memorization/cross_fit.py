"""Cross-fitting: every crop is predicted by references that were never trained on it.

The crops to predict are split into K folds of equal class shares. For each fold a reference g is
trained on the crops of all other folds and on those that are never predicted. A g that is trained
once, on other images than it predicts, sees half of the data, and what it misses counts as
memorization (dejavu spec §10, T11). With several seeds, folds and training are drawn again and the
probabilities are averaged (a mixture, not the mean of logarithms: one confident, wrong reference
must not veto the others).

With one fold there is a single reference, trained once on the crops that are never predicted.
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


def fold_of(predicted: BoolArray, labels: IntArray, folds: int, seed: int) -> IntArray:
    """Return the fold of every crop, int64 ``[n]``; −1 for those that are not predicted.

    Args:
        predicted: bool ``[n]``, which crops are predicted.
        labels: int64 ``[n]``.
        folds: K; 1 trains once.
        seed: of the draw.

    Raises:
        ImprintError: fewer than one fold, more folds than crops, or nothing to train on.
    """
    if folds < 1:
        raise ImprintError(f"--folds is {folds}: choose 2 or more, or 1 to train once")
    if folds == 1 and predicted.all():
        raise ImprintError(
            "references trained once need crops of images that are not attacked: choose 2 folds or "
            "more, or give held-out images with backgrounds"
        )
    fold = np.full(len(labels), ALWAYS_TRAINS, dtype=np.int64)
    count = int(predicted.sum())
    fold[predicted] = 0 if folds == 1 else k_fold(count, folds, seed, labels[predicted])
    return fold


def cross_fit(
    fit_and_predict: FitAndPredict,
    predicted: BoolArray,
    labels: IntArray,
    folds: int,
    seeds: int,
    seed: int,
) -> FloatArray:
    """Return log-probabilities of the predicted crops, float64 ``[m, C]``, in their order.

    Args:
        fit_and_predict: trains on some rows, predicts others; called with a name such as
            ``seed_0_fold_3`` and a seed of its own.
        predicted: bool ``[n]``, which crops are predicted; all others are trained on every time.
        labels: int64 ``[n]``.
        folds: K; 1 trains once.
        seeds: how many times folds are drawn and references trained.
        seed: of folds and training.

    Raises:
        ImprintError: as :func:`fold_of`, or fewer than one seed.
    """
    if seeds < 1:
        raise ImprintError(f"--seeds is {seeds}: choose 1 or more")
    total: FloatArray | None = None
    place = np.cumsum(predicted) - 1
    for run in range(seeds):
        fold_of_crop = fold_of(predicted, labels, folds, derive(seed, "cross-fit folds", run))
        parts = [
            fit_and_predict(
                np.flatnonzero(fold_of_crop != fold),
                np.flatnonzero(fold_of_crop == fold),
                f"seed_{run}_fold_{fold}",
                derive(seed, "cross-fit", run, fold),
            )
            for fold in range(folds)
        ]
        rows = np.empty((int(predicted.sum()), parts[0].shape[1]))
        for fold, part in enumerate(parts):
            rows[place[fold_of_crop == fold]] = part
        total = rows if total is None else np.logaddexp(total, rows)
    assert total is not None
    return total if seeds == 1 else total - np.log(seeds)
