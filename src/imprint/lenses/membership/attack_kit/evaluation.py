"""How well scores separate members from non-members, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.membership.findings import Evaluation
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import wilson
from imprint.stats.roc import auc, best_threshold, roc
from imprint.stats.tpr import true_positive_rate

FPRS = (0.1, 0.01, 0.001, 0.0001)


def evaluate(
    scores: FloatArray, members: BoolArray, fprs: Sequence[float] = FPRS, seed: int = 0
) -> Evaluation:
    """Return how well scores separate members from non-members.

    Args:
        scores: float64 ``[N]``, larger where membership is more likely.
        members: bool ``[N]``, at least two members and two non-members.
        fprs: false positive rates in (0, 1).
        seed: of the halves for the balanced accuracy.

    Raises:
        ImprintError: too few members or non-members, lengths that differ, or a score not finite.
    """
    check_both(members)
    if scores.shape != members.shape:
        raise ImprintError(f"{scores.shape} scores need as many members, got {members.shape}")
    positives, negatives = scores[members], scores[~members]
    return Evaluation(
        auc(positives, negatives),
        {f"{fpr:g}": true_positive_rate(positives, negatives, fpr) for fpr in fprs},
        _held_out_accuracy(positives, negatives, seed),
        1 / len(negatives),
    )


def check_both(members: BoolArray) -> None:
    """Check that there are members and non-members.

    Raises:
        ImprintError: fewer than two members or fewer than two non-members.
    """
    inside = int(np.count_nonzero(members))
    if inside < 2 or len(members) - inside < 2:
        raise ImprintError(
            f"{inside} members and {len(members) - inside} non-members: "
            "at least two of each are needed"
        )


def _held_out_accuracy(positives: FloatArray, negatives: FloatArray, seed: int) -> Estimate:
    random = generator(seed, "halves for balanced accuracy")
    hit, miss = random.permutation(positives), random.permutation(negatives)
    half, other = len(hit) // 2, len(miss) // 2
    threshold = best_threshold(roc(hit[:half], miss[:other]))
    return balanced_estimate(
        int(np.count_nonzero(hit[half:] >= threshold)),
        len(hit) - half,
        int(np.count_nonzero(miss[other:] < threshold)),
        len(miss) - other,
    )


def balanced_estimate(hits: int, positives: int, rejected: int, negatives: int) -> Estimate:
    """Return (TPR + TNR) / 2 with its interval from the two Wilson intervals.

    Half the sum of two independent proportions; their distances to the limits add in squares
    (Newcombe 1998, method 10; Zou and Donner 2008).

    Args:
        hits: members called members.
        positives: members.
        rejected: non-members called non-members.
        negatives: non-members.
    """
    first, second = hits / positives, rejected / negatives
    (low_1, high_1), (low_2, high_2) = wilson(hits, positives), wilson(rejected, negatives)
    value = (first + second) / 2
    low = value - math.hypot(first - low_1, second - low_2) / 2
    high = value + math.hypot(high_1 - first, high_2 - second) / 2
    return Estimate(value, (low, high), positives + negatives)
