"""A first look without references: does the loss of this network tell members from others at all?

Two symptoms, from one forward pass. The *loss tail*: members whose loss lies below that of nearly
all non-members. The *calibration slope* s, which makes the mean of softplus(−sφ) least: the factor
by which logit margins φ should be stretched (Cox 1958, without intercept). A slope that is larger
on members than on non-members says that confidence was learnt from these very records. Its size
alone says nothing of calibration: of two classes a calibrated network has 1, of more it has less,
for its wrong classes count one by one there and together here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack.evaluation import check_both, plain
from imprint.lenses.membership.cohort.references import loss
from imprint.stats import LEAST_FALSE_POSITIVES, Estimate, auc, true_positive_rate

TAIL, WIDEST_TAIL = 0.01, 0.1
STEEPEST = 100.0
CHANCE = 0.5
WEAK_AUC = 0.6
"""An AUC up to which an average difference is called weak."""
WIDE_INTERVAL = 0.25
"""Width of an AUC's interval from which no difference means nothing."""


@dataclass(frozen=True)
class Triage:
    """What one pass shows.

    Attributes:
        loss_gap: mean loss of non-members minus that of members, in nats.
        accuracy: share of records that the network gets right, members then non-members.
        slope: calibration slope on members and on non-members; at most ``STEEPEST``.
        auc: of the loss as an attack.
        tail_fpr: the false positive rate of the tail: 1 %, or the least at which the non-members
            can place a threshold, at most 10 %.
        tail: share of members called at it, or why there is none.
        worth_it: whether something can already be seen.
        verdict: one sentence.
    """

    loss_gap: float
    accuracy: tuple[float, float]
    slope: tuple[float, float]
    auc: Estimate
    tail_fpr: float
    tail: Estimate | str
    worth_it: bool
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """Return the triage as JSON values."""
        return {
            "loss_gap": self.loss_gap,
            "accuracy": {"members": self.accuracy[0], "non_members": self.accuracy[1]},
            "calibration_slope": {"members": self.slope[0], "non_members": self.slope[1]},
            "auc": self.auc.to_dict(),
            "tail": {"fpr": self.tail_fpr, "tpr": plain(self.tail)},
            "worth_it": self.worth_it,
            "verdict": self.verdict,
        }


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
    tail_fpr = min(WIDEST_TAIL, max(TAIL, LEAST_FALSE_POSITIVES / len(outside)))
    tail = true_positive_rate(inside, outside, tail_fpr)
    worth_it, verdict = _verdict(area, tail, tail_fpr)
    return Triage(
        float(inside.mean() - outside.mean()),
        (float(correct[members].mean()), float(correct[~members].mean())),
        (calibration_slope(phi[members]), calibration_slope(phi[~members])),
        area,
        tail_fpr,
        tail,
        worth_it,
        verdict,
    )


def calibration_slope(phi: FloatArray) -> float:
    """Return the factor s in [0, ``STEEPEST``] that makes the mean of softplus(−sφ) least.

    The mean is convex in s; its derivative −mean(φ expit(−sφ)) rises. Where hardly any record is
    misjudged the least lies beyond every bound.

    >>> calibration_slope(np.array([2.0, 2.0, 2.0, -2.0])).__round__(4)  # 2s = log 3
    0.5493

    Args:
        phi: float64 ``[n]``, logit margins.
    """

    def rise(slope: float) -> float:
        return -float(np.mean(phi * expit(-slope * phi)))

    if rise(0.0) >= 0:
        return 0.0
    return STEEPEST if rise(STEEPEST) <= 0 else float(brentq(rise, 0.0, STEEPEST))


def _verdict(area: Estimate, tail: Estimate | str, fpr: float) -> tuple[bool, str]:
    """Return whether something can be seen, and a sentence that names the number it rests on."""
    if isinstance(tail, Estimate) and tail.ci95[0] > fpr:
        return True, (
            f"Some members stand out by their loss alone: it finds {_percent(tail)} of them at a "
            f"false positive rate of {100 * fpr:.3g}%; audit in full, and with shadow models to "
            "see which."
        )
    if area.ci95[1] < CHANCE:
        return True, (
            f"Members have higher loss than non-members (AUC {_percent(area)}), the opposite of "
            "what training does: check the order of the classes, and whether members and "
            "non-members are swapped or differ in difficulty."
        )
    if area.ci95[0] <= CHANCE and area.ci95[1] - area.ci95[0] > WIDE_INTERVAL:
        return False, (
            "Too few records to say whether the loss tells members from others (AUC "
            f"{_percent(area)}): give more members and non-members."
        )
    if area.ci95[0] <= CHANCE:
        return False, (
            f"The loss does not tell members from others (AUC {_percent(area)}): a full audit will "
            "find little without shadow models, and what it finds with them concerns few records."
        )
    strength = f"members have lower loss on average (AUC {_percent(area)})"
    if isinstance(tail, str):
        singles = f"whether single ones stand out cannot be said, since {tail}"
    else:
        singles = (
            f"at a false positive rate of {100 * fpr:.3g}% the loss names {_percent(tail)} of "
            "them, which guessing may do as well: shadow models, which know how hard each record "
            "is, are what would tell"
        )
    if area.value < WEAK_AUC:
        return (
            True,
            f"Weak signal: {strength}; no record can be named with confidence, and {singles}.",
        )
    return True, f"Strong average signal: {strength}; {singles}."


def _percent(estimate: Estimate) -> str:
    value, low, high = (100 * x for x in (estimate.value, *estimate.ci95))
    return f"{value:.1f}% [{low:.1f}%, {high:.1f}%]"
