"""How much of a data set a network was trained on (data set usage cardinality inference, DUCI).

A threshold on an attack's scores calls the share q̂ of the N records members; it would call T of
members and F of others. So p̂ = (q̂ − F) / (T − F). T and F are those of the reference models, each
scored with the others, and the threshold maximises T − F over all of them together. A score *at*
the threshold is called, there and on the target: RMIA has many ties.

The target is scored once for each reference k with exactly the references that k was scored with,
and q̂ is the mean, so that target and references are on one footing however few these are.

Interval: a network differs from the references as each of these does from the others. With T_k and
F_k the rates of reference k, p̂(T_k − T) + (1 − p̂)(F_k − F) is how far off a reference of usage p̂
would be; the interval is Student's prediction interval from their spread, no narrower than that of
records which are independent of one another, with variance

    [q(1 − q)/N + (1 − p)²F(1 − F)/n₀ + p²T(1 − T)/n₁] / (T − F)²

It covers where the used records are like the others: by Cov(T_i − F_i, u_i) / (T − F) p̂ is off if
records that are easy to infer are used more often or less often.

Tong, Ye, Zarifzadeh, Shokri 2025, "How Much of My Dataset Did You Use?", ICLR. O(K) attacks twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.run import cohort_target
from imprint.lenses.membership.cohort.references import References
from imprint.stats.estimate import Estimate
from imprint.stats.roc import best_threshold, roc

MIN_SEPARATION = 0.02
"""T − F below which p̂ is noise divided by nearly nothing."""


@dataclass(frozen=True)
class Rates:
    """What a threshold calls members.

    Attributes:
        called: q̂, share of the records called on the target.
        tpr: float64 ``[K]``, share of its members called on each reference.
        fpr: float64 ``[K]``, share of the others.
        records: N.
        members: n₁, members of all references together.
        non_members: n₀.
    """

    called: float
    tpr: FloatArray
    fpr: FloatArray
    records: int
    members: int
    non_members: int

    @property
    def separation(self) -> float:
        """T − F."""
        return float(self.tpr.mean() - self.fpr.mean())

    @property
    def proportion(self) -> float:
        """The estimate p̂, which may lie outside of [0, 1]."""
        return (self.called - float(self.fpr.mean())) / self.separation


def rates_of(evidence: Evidence, attack: Attack, settings: AttackSettings) -> tuple[Rates, float]:
    """Return what the best threshold of an attack calls, and that threshold.

    Args:
        evidence: of a target that is none of its references.
        attack: any that can be run on a reference with the others.
        settings: of attacks.

    Raises:
        ImprintError: fewer than two references, one of members or of others alone, or the attack
            cannot be run.
    """
    references = evidence.references
    if references is None or len(references.cohort) < 2:
        raise ImprintError(
            "usage needs two reference models or more, each scored with the others: give signals "
            "and members of them"
        )
    cohort = references.cohort
    masks = cohort.members
    alike = masks.all(axis=1) | ~masks.any(axis=1)
    if alike.any():
        raise ImprintError(
            f"reference {int(np.flatnonzero(alike)[0])} was trained on all records or on none, so "
            "it shows no rates of both: leave it out"
        )
    on_references, on_target = [], []
    for row in range(len(cohort)):
        as_row = Evidence(evidence.target, References(cohort, row), evidence.population)
        on_references.append(attack.score(cohort_target(cohort, row), settings))
        on_target.append(attack.score(as_row, settings))
    scores = np.stack(on_references)
    threshold = best_threshold(roc(scores[masks], scores[~masks]))
    called = scores >= threshold
    rates = Rates(
        float((np.stack(on_target) >= threshold).mean()),
        _share(called, masks),
        _share(called, ~masks),
        masks.shape[1],
        int(masks.sum()),
        int((~masks).sum()),
    )
    return rates, threshold


def _share(called: BoolArray, of: BoolArray) -> FloatArray:
    return np.asarray((called & of).sum(axis=1) / of.sum(axis=1))


def check_separation(rates: Rates) -> None:
    """Check that the attack tells members of the references from others.

    Raises:
        ImprintError: T − F is below .02.
    """
    if rates.separation < MIN_SEPARATION:
        raise ImprintError(
            f"the attack calls {rates.tpr.mean():.3f} of the members of the reference models and "
            f"{rates.fpr.mean():.3f} of the others, a difference below {MIN_SEPARATION:g}: usage "
            "cannot be estimated from that, choose a stronger attack or give more references"
        )


def estimate_usage(rates: Rates) -> Estimate:
    """Return p̂ with its 95% interval, not cut to [0, 1]; n is the records."""
    p, models = rates.proportion, len(rates.tpr)
    share = min(max(p, 0.0), 1.0)
    off = share * (rates.tpr - rates.tpr.mean()) + (1 - share) * (rates.fpr - rates.fpr.mean())
    spread = float(off.std(ddof=1)) * math.sqrt(1 + 1 / models) / rates.separation
    deviation = max(spread, independent_deviation(rates))
    reach = float(t.ppf(0.975, models - 1)) * deviation
    return Estimate(p, (p - reach, p + reach), rates.records)


def independent_deviation(rates: Rates) -> float:
    """Return the standard deviation of p̂ were records independent; p̂ is taken within [0, 1].

    Examples:
        >>> rates = Rates(0.5, np.array([0.8]), np.array([0.2]), 100, 400, 400)
        >>> round(independent_deviation(rates), 4)
        0.0866
    """
    q, true, false = rates.called, float(rates.tpr.mean()), float(rates.fpr.mean())
    p = min(max(rates.proportion, 0.0), 1.0)
    variance = (
        q * (1 - q) / rates.records
        + (1 - p) ** 2 * false * (1 - false) / rates.non_members
        + p**2 * true * (1 - true) / rates.members
    )
    return math.sqrt(variance) / rates.separation
