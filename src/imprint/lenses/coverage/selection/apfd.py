"""APFD: the average percentage of faults detected by tests in their order (Rothermel et al. 2001).

With n tests of which m are misclassified, each counted as a fault of its own, at places r_1 … r_m,

    APFD = 1 − Σ r_i / (n m) + 1 / (2n).

It is a straight function of the area under the ROC curve with which the place tells wrong tests
from right ones: APFD = 1 − π/2 − (1 − π)(1 − AUC), π = m/n. So a random order has ½, the best one
1 − π/2, the worst π/2, and an interval of the area is one of APFD at this share of faults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.stats.estimate import Estimate
from imprint.stats.roc import auc

MIN_FAULTS = 2


@dataclass(frozen=True)
class Detection:
    """How early an order of tests finds the faults.

    Attributes:
        apfd: with its 95 % interval over tests drawn independently from the same population, at
            this share of faults; or why there is none.
        normalised: APFD on the scale on which the worst order has 0 and the best 1; a random one
            has ½. It is the area under the ROC curve.
    """

    apfd: Estimate | Missing
    normalised: Estimate | Missing


def apfd(places: IntArray, faults: BoolArray) -> float:
    """Return the APFD of an order.

    >>> float(apfd(np.array([0, 1, 2, 3]), np.array([True, False, False, False])))
    0.875

    Args:
        places: int64 ``[n]``, the place of each test in the order, from 0.
        faults: bool ``[n]``, which tests are misclassified, at least one.
    """
    count = len(places)
    ranks = places[faults] + 1
    return float(1 - ranks.sum() / (count * len(ranks)) + 1 / (2 * count))


def detection(places: IntArray, faults: BoolArray) -> Detection:
    """Return APFD with its interval, see :func:`apfd`."""
    wrong, right = int(faults.sum()), int((~faults).sum())
    if min(wrong, right) < MIN_FAULTS:
        reason = f"{wrong} of {len(faults)} tests are misclassified: at least 2 of each are needed"
        return Detection(Missing(reason), Missing(reason))
    area = auc(-places[faults].astype(np.float64), -places[~faults].astype(np.float64))
    share = wrong / len(faults)
    low, high = (_apfd_of(end, share) for end in area.ci95)
    return Detection(
        Estimate(apfd(places, faults), (low, high), len(faults)),
        Estimate(area.value, area.ci95, len(faults)),
    )


def found_share(order: IntArray, faults: BoolArray) -> FloatArray:
    """Return the share of faults found after each number of tests, float64 ``[n + 1]``."""
    hits = np.concatenate([[0], np.cumsum(faults[order])])
    return np.asarray(hits / max(1, int(faults.sum())))


def _apfd_of(area: float, share: float) -> float:
    return 1 - share / 2 - (1 - share) * (1 - area)
