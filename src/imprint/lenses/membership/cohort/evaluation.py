"""How well an attack infers membership over a cohort: means over targets, with their intervals.

All targets of a cohort share their records and are references of one another, so the spread over
targets alone is too small: the choice of records, a twentieth of which is left out at a time,
counts as well
(:mod:`imprint.stats.crossed`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.evaluation import FPRS, check_both
from imprint.lenses.membership.cohort.references import MIN_RECORDS
from imprint.lenses.membership.findings import Evaluation
from imprint.stats.crossed import crossed_reach
from imprint.stats.estimate import Estimate
from imprint.stats.roc import area, balanced_accuracy, best_threshold, roc
from imprint.stats.tpr import too_few_negatives

RECORD_GROUPS = MIN_RECORDS // 2


def evaluate_cohort(
    scores: FloatArray, members: BoolArray, fprs: Sequence[float] = FPRS, seed: int = 0
) -> Evaluation:
    """Return the mean over targets of what each target's scores show; n is the targets.

    The threshold of the balanced accuracy is chosen on one random half of the records, the same
    for all targets, and measured on the other.

    Args:
        scores: float64 ``[K, N]``, row k of the attack on model k.
        members: bool ``[K, N]``.
        fprs: false positive rates in (0, 1).
        seed: of the halves and the groups.

    Raises:
        ImprintError: too few records, a target with too few members or non-members, shapes that
            differ, or a score that is not finite.
    """
    if scores.shape != members.shape or scores.ndim != 2:
        raise ImprintError(f"{scores.shape} scores need as many members, got {members.shape}")
    if not np.isfinite(scores).all():
        raise ImprintError("the scores of a cohort hold a value that is not finite")
    if scores.shape[1] < MIN_RECORDS:
        raise ImprintError(
            f"{scores.shape[1]} records are too few for an interval over records: give at least "
            f"{MIN_RECORDS}"
        )
    for inside in members:
        check_both(inside)
    random = generator(seed, "records of a cohort")
    order = random.permutation(scores.shape[1])
    place = np.argsort(order)
    chooses, group = place % 2 == 0, place // 2 % RECORD_GROUPS
    fewest = int((~members).sum(axis=1).min())
    reasons = {f"{fpr:g}": too_few_negatives(fewest, fpr) for fpr in fprs}
    known = [fpr for fpr in fprs if reasons[f"{fpr:g}"] is None]
    # Thresholds are chosen once: chosen again without each group they jump, and intervals of the
    # balanced accuracy grew half as wide again as its spread.
    pairs = zip(scores, members, strict=True)
    thresholds = np.array([_chosen_threshold(*pair, chooses) for pair in pairs])
    whole = _each_target(scores, members, ~chooses, thresholds, known)
    without = np.stack(
        [
            _each_target(scores[:, kept], members[:, kept], ~chooses[kept], thresholds, known)
            for kept in (group != left for left in range(RECORD_GROUPS))
        ]
    )
    estimates = _estimates(whole, without)
    rates = {f"{fpr:g}": estimate for fpr, estimate in zip(known, estimates[2:], strict=True)}
    return Evaluation(
        estimates[0],
        {name: rates.get(name, Missing(reason or "")) for name, reason in reasons.items()},
        estimates[1],
        1 / fewest,
    )


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


def _estimates(whole: FloatArray, without: FloatArray) -> list[Estimate]:
    """Return means and intervals of every column.

    Args:
        whole: float64 ``[K, S]``, one row per target.
        without: float64 ``[RECORD_GROUPS, K, S]``, of every target less one group of records.
    """
    value, reach = whole.mean(axis=0), crossed_reach(whole, without)
    low, high = np.clip([value - reach, value + reach], 0, 1)
    return [
        Estimate(float(v), (float(a), float(b)), len(whole))
        for v, a, b in zip(value, low, high, strict=True)
    ]


def _each_target(
    scores: FloatArray,
    members: BoolArray,
    measures: BoolArray,
    thresholds: FloatArray,
    fprs: Sequence[float],
) -> FloatArray:
    """Return AUC, balanced accuracy and true positive rates of every target, ``[K, 2 + r]``."""
    rows = []
    for score, inside, threshold in zip(scores, members, thresholds, strict=True):
        hit, miss = score[inside], np.sort(score[~inside])
        called = [
            np.mean(hit > miss[len(miss) - 1 - int(fpr * len(miss) * (1 + 1e-12))]) for fpr in fprs
        ]
        accuracy = balanced_accuracy(score[inside & measures], score[~inside & measures], threshold)
        rows.append([area(hit, miss), accuracy, *called])
    return np.array(rows)


def _chosen_threshold(score: FloatArray, inside: BoolArray, chooses: BoolArray) -> float:
    parts = [score[side & half] for half in (chooses, ~chooses) for side in (inside, ~inside)]
    if min(map(len, parts)) == 0:
        raise ImprintError(
            "a target has too few members or non-members to choose a threshold on some and measure "
            "it on others: give more records"
        )
    return best_threshold(roc(parts[0], parts[1]))
