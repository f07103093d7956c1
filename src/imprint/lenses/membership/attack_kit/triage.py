"""Triage without references: does the loss of this network separate members from non-members?

Three symptoms, from one forward pass. The *loss tail*: members whose loss lies below that of nearly
all non-members. At its other end, non-members whose loss lies above that of nearly all members
(:mod:`imprint.lenses.membership.attack_kit.tail_test`). The *calibration slope* s, which makes the
mean of softplus(−sφ) least: the factor by which logit margins φ should be stretched (Cox 1958,
without intercept). A slope that is larger on members than on non-members shows that confidence was
learnt from these very records. Its size alone does not measure calibration: a calibrated network
has slope 1 with two classes and less with more, since its wrong classes count one by one there and
together here.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.missing import Missing
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.lenses.membership.attack_kit.tail_test import tail_test
from imprint.lenses.membership.cohort.references import loss
from imprint.lenses.membership.findings import (
    CHANCE,
    WEAK_AUC,
    WIDE_INTERVAL,
    BothSides,
    Tail,
    Triage,
)
from imprint.stats.estimate import Estimate
from imprint.stats.roc import auc
from imprint.stats.tpr import LEAST_FALSE_POSITIVES, true_positive_rate

TAIL_FPR, MAX_TAIL_FPR = 0.01, 0.1
MAX_SLOPE = 100.0


def triage(phi: FloatArray, correct: BoolArray, members: BoolArray) -> Triage:
    """Return the triage of one network.

    Args:
        phi: float64 ``[N]``, logit margins of the plain records.
        correct: bool ``[N]``, whether the network gets the record right.
        members: bool ``[N]``.

    Raises:
        ImprintError: fewer than two members or non-members, or a margin that is not finite.
    """
    check_both(members)
    losses = loss(phi)
    inside, outside = -losses[members], -losses[~members]
    area = auc(inside, outside)
    tail_fpr = min(MAX_TAIL_FPR, max(TAIL_FPR, LEAST_FALSE_POSITIVES / len(outside)))
    tail = true_positive_rate(inside, outside, tail_fpr)
    worth_it, verdict = _verdict(area, tail, tail_fpr)
    slopes = (calibration_slope(phi[side]) for side in (members, ~members))
    return Triage(
        float(inside.mean() - outside.mean()),
        BothSides(float(correct[members].mean()), float(correct[~members].mean())),
        BothSides(*slopes),
        area,
        Tail(tail_fpr, tail),
        worth_it,
        verdict,
        loss_tail=tail_test(losses[members], losses[~members]),
    )


def calibration_slope(phi: FloatArray) -> float:
    """Return the factor s in [0, ``MAX_SLOPE``] that makes the mean of softplus(−sφ) least.

    The mean is convex in s; its derivative −mean(φ expit(−sφ)) rises. Where hardly any record is
    misclassified its minimum lies beyond every bound.

    Args:
        phi: float64 ``[n]``, logit margins.

    Examples:
        >>> calibration_slope(np.array([2.0, 2.0, 2.0, -2.0])).__round__(4)  # 2s = log 3
        0.5493
    """

    def rise(slope: float) -> float:
        return -float(np.mean(phi * expit(-slope * phi)))

    if rise(0.0) >= 0:
        return 0.0
    return MAX_SLOPE if rise(MAX_SLOPE) <= 0 else float(brentq(rise, 0.0, MAX_SLOPE))


def _verdict(area: Estimate, tail: Estimate | Missing, fpr: float) -> tuple[bool, str]:
    """Return whether both sides differ, and a sentence that names the number it rests on."""
    if isinstance(tail, Estimate) and tail.ci95[0] > fpr:
        return True, (
            f"Some members stand out by their loss alone: its TPR at {100 * fpr:.3g}% FPR is "
            f"{_percent(tail)}; audit in full, and with shadow models to see which."
        )
    if area.ci95[1] < CHANCE:
        return True, (
            f"Members have higher loss than non-members (AUC {_percent(area)}), the opposite of "
            "what training does: check the order of the classes, and whether members and "
            "non-members are swapped or differ in difficulty."
        )
    if area.ci95[0] <= CHANCE and area.ci95[1] - area.ci95[0] > WIDE_INTERVAL:
        return False, (
            "Too few records to say whether the loss separates members from non-members (AUC "
            f"{_percent(area)}): give more members and non-members."
        )
    if area.ci95[0] <= CHANCE:
        return False, (
            f"The loss does not separate members from non-members (AUC {_percent(area)}): a full "
            "audit will find little without shadow models, and with them it concerns few records."
        )
    strength = f"members have lower loss on average (AUC {_percent(area)})"
    if isinstance(tail, Missing):
        singles = f"whether single ones stand out cannot be said, since {tail.missing}"
    else:
        singles = (
            f"the TPR of the loss at {100 * fpr:.3g}% FPR is {_percent(tail)}, which guessing may "
            "reach as well: shadow models, which calibrate how hard each record is, would decide"
        )
    if area.value < WEAK_AUC:
        return (
            True,
            f"Weak signal: {strength}; no record can be named with confidence, and {singles}.",
        )
    return True, f"Clear average signal: {strength}; {singles}."


def _percent(estimate: Estimate) -> str:
    value, low, high = (100 * x for x in (estimate.value, *estimate.ci95))
    return f"{value:.1f}% [{low:.1f}%, {high:.1f}%]"
