"""The probability that each record is a member, given its score and a stated prior.

A score says which of two records is likelier a member, not how likely. The ratio of the densities
of members and non-members at a score gives the odds, times those of the prior (Bayes). It is
estimated by isotonic regression (Zadrozny and Elkan 2002), cross-fitted: of each record by the
members and non-members of the other folds, since on its own score the greatest would always be a
member with certainty. A block of b₁ of n₁ members and b₀ of n₀ non-members has the ratio
(b₁ + ½) / (n₁ + 1) over (b₀ + ½) / (n₀ + 1). The cross-fitted probabilities are then made to rise
with the score, by isotonic regression on it.

The prior is of an attacker who knows how many of the records at hand are members; the share of
members among the audited ones is the auditor's choice and tells nothing about that.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.membership.attack_kit.evaluation import check_both
from imprint.stats.folds import k_fold

PRIOR = 0.5
FOLDS = 10


def membership_probability(
    scores: FloatArray, members: BoolArray, prior: float = PRIOR, seed: int = 0
) -> FloatArray:
    """Return the probability that each record is a member, float64 ``[N]`` in (0, 1).

    It never falls where the score rises; equal scores have equal probabilities.

    Args:
        scores: float64 ``[N]``, larger where membership is more likely.
        members: bool ``[N]``, at least two of each.
        prior: share of members among records like these, in (0, 1).
        seed: of the folds.

    Raises:
        ImprintError: a prior that is none, or too few members or non-members.
    """
    if not 0 < prior < 1:
        raise ImprintError(f"prior must be in (0, 1), got {prior:g}")
    check_both(members)
    folds = _folds(members, seed)
    even = np.empty(len(scores))
    for fold in range(int(folds.max()) + 1):
        held, rest = folds == fold, folds != fold
        even[held] = _fit(scores[rest], members[rest], scores[held])
    return with_prior(_rising(even, scores), prior)


def with_prior(even: FloatArray, prior: float) -> FloatArray:
    """Return probabilities under a prior from those under even odds.

    >>> with_prior(np.array([0.5, 0.9]), 0.1).round(3).tolist()
    [0.1, 0.5]
    """
    inside, outside = even * prior, (1 - even) * (1 - prior)
    return np.asarray(inside / (inside + outside))


def _folds(members: BoolArray, seed: int) -> IntArray:
    """Return folds that share out members and non-members alike."""
    least = int(min(members.sum(), (~members).sum()))
    return k_fold(
        len(members), min(FOLDS, least), derive(seed, "calibration"), members.astype(np.int64)
    )


def _fit(scores: FloatArray, members: BoolArray, at: FloatArray) -> FloatArray:
    """Return the probability under even odds of other scores."""
    values, place = np.unique(scores, return_inverse=True)
    inside = np.bincount(place, members, len(values))
    outside = np.bincount(place, ~members, len(values))
    first, second = inside / inside.sum(), outside / outside.sum()
    weight = first + second
    blocks = isotonic_regression(first / weight, weights=weight).blocks
    members_in = np.add.reduceat(inside, blocks[:-1])
    others_in = np.add.reduceat(outside, blocks[:-1])
    likelier = (members_in + 0.5) / (inside.sum() + 1)
    odds = likelier / ((others_in + 0.5) / (outside.sum() + 1))
    centre = (values[blocks[:-1]] + values[blocks[1:] - 1]) / 2
    return np.asarray(np.interp(at, centre, odds / (1 + odds)))


def _rising(probability: FloatArray, scores: FloatArray) -> FloatArray:
    values, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(place, probability, len(values)) / count
    return np.asarray(isotonic_regression(means, weights=count).x[place])
