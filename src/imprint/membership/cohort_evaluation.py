"""How well an attack tells members over a cohort: means over targets, with honest intervals.

All targets of a cohort share their records and judge one another, so the spread over targets alone
says too little: the more models, the smaller it gets, and the choice of records stays. The
variance is therefore the sum of two: of the mean over targets, and of the records by the
delete-a-group jackknife (Kott 2001), which takes a twentieth of them out of all targets at once.
The first holds a part of the second, so intervals are a little too wide rather than too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student_t

from imprint.errors import ImprintError
from imprint.membership.evaluation import FPRS, Evaluation, check_both
from imprint.membership.moments import BoolArray, FloatArray
from imprint.seeds import generator
from imprint.stats import Estimate, best_threshold, roc, too_few_negatives

GROUPS = 20
LEAST_RECORDS = 2 * GROUPS
CONFIDENCE = 0.95


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
    if scores.shape[1] < LEAST_RECORDS:
        raise ImprintError(
            f"{scores.shape[1]} records are too few to tell how much they decide: give at least "
            f"{LEAST_RECORDS}"
        )
    for inside in members:
        check_both(inside)
    random = generator(seed, "records of a cohort")
    order = random.permutation(scores.shape[1])
    place = np.argsort(order)
    chooses, group = place % 2 == 0, place // 2 % GROUPS
    fewest = int((~members).sum(axis=1).min())
    reasons = {f"{fpr:g}": too_few_negatives(fewest, fpr) for fpr in fprs}
    known = [fpr for fpr in fprs if reasons[f"{fpr:g}"] is None]
    whole = _each_target(scores, members, chooses, known)
    without = np.stack(
        [
            _each_target(
                scores[:, group != left], members[:, group != left], chooses[group != left], known
            ).mean(axis=0)
            for left in range(GROUPS)
        ]
    )
    estimates = _estimates(whole, without)
    found = {f"{fpr:g}": estimate for fpr, estimate in zip(known, estimates[2:], strict=True)}
    return Evaluation(
        estimates[0],
        {name: found.get(name, reason or "") for name, reason in reasons.items()},
        estimates[1],
        1 / fewest,
    )


def _estimates(whole: FloatArray, without: FloatArray) -> list[Estimate]:
    """Return means and intervals of every column.

    Args:
        whole: float64 ``[K, S]``, a row a target.
        without: float64 ``[GROUPS, S]``, means over targets less one group of records.
    """
    models = len(whole)
    value = whole.mean(axis=0)
    of_records = (GROUPS - 1) / GROUPS * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
    of_targets = whole.var(axis=0, ddof=1) / models
    reach = student_t.ppf((1 + CONFIDENCE) / 2, GROUPS - 1) * np.sqrt(of_records + of_targets)
    low, high = np.clip([value - reach, value + reach], 0, 1)
    return [
        Estimate(float(v), (float(a), float(b)), models)
        for v, a, b in zip(value, low, high, strict=True)
    ]


def _each_target(
    scores: FloatArray, members: BoolArray, chooses: BoolArray, fprs: Sequence[float]
) -> FloatArray:
    """Return AUC, balanced accuracy and true positive rates of every target, ``[K, 2 + r]``."""
    rows = []
    for score, inside in zip(scores, members, strict=True):
        hit, miss = score[inside], np.sort(score[~inside])
        beaten = np.searchsorted(miss, hit, side="left") + np.searchsorted(miss, hit, side="right")
        called = [
            np.mean(hit > miss[len(miss) - 1 - int(fpr * len(miss) * (1 + 1e-12))]) for fpr in fprs
        ]
        rows.append([beaten.mean() / (2 * len(miss)), _held_out(score, inside, chooses), *called])
    return np.array(rows)


def _held_out(score: FloatArray, inside: BoolArray, chooses: BoolArray) -> float:
    parts = [score[side & half] for half in (chooses, ~chooses) for side in (inside, ~inside)]
    if min(map(len, parts)) == 0:
        raise ImprintError(
            "a target has too few members or non-members to choose a threshold on some and measure "
            "it on others: give more records"
        )
    threshold = best_threshold(roc(parts[0], parts[1]))
    hit, miss = parts[2:]
    return float((np.mean(hit >= threshold) + np.mean(miss < threshold)) / 2)
