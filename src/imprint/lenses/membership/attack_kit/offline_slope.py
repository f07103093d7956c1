"""The mean probability of a record from its OUT models alone, and the slope that this takes.

RMIA and its relatives need P̄ = ½(P_in + P_out), P the mean true-class probability of the models of
a side. Offline there is no P_in; on average it is linear, P_in ≈ a·P_out + 1 − a, so
P̄ = ½[(1 + a)·P_out + 1 − a]. The slope a differs between data sets (.2 to .6 in published
settings). Reference models tell it without the target's members:

- :func:`tune_slope`: each reference in the target's place, with the others as its references; the
  slope of a grid with the greatest mean AUC, of equals the smallest. A paired model in the target's
  place, as published, has the target's labels inverted.
- :func:`estimate_slope`: least squares of 1 − P_in on 1 − P_out, biased low by noise in P_out.

Where a record has IN models alone, P_out = (P_in + a − 1) / a, cut at 0: below 1 − a it would be
negative.

Zarifzadeh, Liu, Shokri 2024, "Low-Cost High-Power Membership Inference Attacks".
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.pseudo_targets import PseudoTarget, pseudo_targets
from imprint.lenses.membership.cohort.references import References
from imprint.stats.roc import area

SLOPES = tuple(step / 10 for step in range(11))
DEFAULT_SLOPE = 0.3


def mean_from_out(outside: FloatArray, slope: float) -> FloatArray:
    """Return P̄ = ½[(1 + a)·P_out + 1 − a], of any shape.

    Examples:
        >>> mean_from_out(np.array([0.2]), 0.3).round(9).tolist()
        [0.48]
    """
    return np.asarray(((1 + slope) * outside + 1 - slope) / 2)


def out_from_in(inside: FloatArray, slope: float) -> FloatArray:
    """Return P_out of P_in, in [0, 1], of any shape; P_in itself where slope 0 does not tell it.

    Examples:
        >>> out_from_in(np.array([0.5, 0.91]), 0.3).round(9).tolist()
        [0.0, 0.7]
    """
    if slope == 0:
        return inside
    return np.asarray(np.clip((inside + slope - 1) / slope, 0.0, 1.0))


def offline_mean(references: References, slope: float) -> FloatArray:
    """Return P̄ of every record from its OUT models, float64 ``[A, N]``, at least 1e-300."""
    return _mean(references.mean_probability(only_out=True), references, slope)


def _mean(outside: FloatArray, references: References, slope: float) -> FloatArray:
    """Return P̄, given the mean over OUT models, of records without any over IN models."""
    none_outside = references.counts[0] == 0
    if none_outside.any():
        outside = np.where(none_outside, out_from_in(outside, slope), outside)
    return np.maximum(mean_from_out(outside, slope), 1e-300)


def estimate_slope(inside: FloatArray, outside: FloatArray) -> float:
    """Return â = Σ(1 − P_in)(1 − P_out) / Σ(1 − P_out)², in [0, 1]; 0.3 where every P_out is 1.

    Args:
        inside: mean probability over IN models, float64 ``[n]``.
        outside: over OUT models, likewise.

    Examples:
        >>> outside = np.array([0.1, 0.5, 0.8])
        >>> round(estimate_slope(0.4 * outside + 0.6, outside), 9)
        0.4
    """
    doubt = 1 - outside
    squares = float((doubt**2).sum())
    if squares == 0:
        return DEFAULT_SLOPE
    return float(np.clip(((1 - inside) * doubt).sum() / squares, 0.0, 1.0))


def slope_of_references(references: References) -> float:
    """Return :func:`estimate_slope` over records with models on both sides; 0.3 without any."""
    outside, inside = references.moments("probability")
    known = (outside.count > 0) & (inside.count > 0)
    if not known.any():
        return DEFAULT_SLOPE
    return estimate_slope(inside.mean[:, known], outside.mean[:, known])


def tune_slope(evidence: Evidence) -> float:
    """Return the slope that attacks the reference models best; 0.3 where none can be attacked.

    The target's signals are not read. O(K) sorts of N records for each of the 11 slopes.

    Args:
        evidence: of the target, with its references.
    """
    areas = [_areas(pseudo) for pseudo in pseudo_targets(evidence) if _can_be_judged(pseudo)]
    if not areas:
        return DEFAULT_SLOPE
    return SLOPES[int(np.argmax(np.mean(areas, axis=0)))]


def _can_be_judged(pseudo: PseudoTarget) -> bool:
    """Whether its usable records are of both labels, and some have OUT models."""
    members = pseudo.members[pseudo.usable]
    both = bool(members.any() and not members.all())
    return both and bool(pseudo.evidence.reference_models.counts[0].any())


def _areas(pseudo: PseudoTarget) -> list[float]:
    """Return the AUC on one pseudo-target by slope."""
    references, usable = pseudo.evidence.reference_models, pseudo.usable
    members = pseudo.members[usable]
    logs = pseudo.evidence.target_values("log_probability")
    outside = references.mean_probability(only_out=True)
    areas = []
    for slope in SLOPES:
        mean = _mean(outside, references, slope)
        scores = (logs - np.log(mean)).mean(axis=0)[usable]
        areas.append(area(scores[members], scores[~members]))
    return areas
