"""Whether signals are what they claim to be, and what makes an attack's numbers meaningless.

An attack on losses or probabilities in the place of margins runs without complaint and gives a
wrong result. Two things hold for every correct signal: a logit margin is unbounded, and it is
larger on records that a model was trained on (a log-curvature is smaller).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.attack import DIRECTION, Evidence
from imprint.lenses.membership.cohort.references import References
from imprint.lenses.membership.cohort.stored_signals import SignalArray, each_model
from imprint.lenses.membership.findings import CHANCE, AttackFinding, Evaluation
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.stats.roc import auc

MIN_RECORDS = 20
"""With fewer records a range of values is no evidence."""
MIN_Z = 5.0
"""Standard errors from which a mean difference of the wrong sign is reported."""
MAX_TIED_SHARE = 0.5
"""Share of the records on one score up to which an attack needs no note."""
NORMAL_95 = 1.959964
KINDS = {"phi": "logit margins", "log_curvature": "log-curvatures", "loss": "losses"}
EXPECTED = {"phi": "larger", "log_curvature": "smaller", "loss": "smaller"}
OPPOSITE = {"phi": "smaller", "log_curvature": "larger", "loss": "larger"}


def suspect_signals(evidence: Evidence, members: BoolArray) -> list[str]:
    """Return a sentence for every signal that does not look like what it claims to be.

    Args:
        evidence: of the target.
        members: bool ``[N]``, the target's members, at least two and two others.
    """
    sentences = []
    for kind in KINDS:
        if kind not in evidence.target:
            continue
        values = evidence.target[kind][0]
        if np.ptp(values) == 0:
            sentences.append(
                f"all {KINDS[kind]} of the target are {values[0]:g}: they carry no information"
            )
            continue
        if kind == "phi":
            sentences += _suspect_range(values)
        sentences += _suspect_direction(kind, values, members)
        references = evidence.references
        if references is not None and kind in references.cohort.signals:
            cohort = references.cohort
            sentences += _suspect_references(kind, cohort.signals[kind], cohort.members)
    if evidence.references is not None:
        sentences += _suspect_counts(evidence.references, members)
    return sentences


def _suspect_counts(references: References, members: BoolArray) -> list[str]:
    """Check that how many models were trained on a record does not reveal the target's members."""
    outside, inside = references.counts
    share = inside / np.maximum(inside + outside, 1)
    if np.ptp(share) == 0:
        return []
    area = auc(share[members], share[~members])
    low, high = widen(area, MIN_Z)
    if low <= CHANCE <= high:
        return []
    return [
        "how many reference models were trained on a record reveals the target's members (AUC "
        f"{_percent(area)}): the masks were drawn together, and attacks with references read "
        "them; give all models of the cohort, or draw masks independently"
    ]


def _suspect_range(values: FloatArray) -> list[str]:
    if len(values) < MIN_RECORDS:
        return []
    if values.min() >= 0 and values.max() <= 1:
        return [
            f"all {len(values)} logit margins lie in [0, 1], as probabilities do: of a "
            "probability p of the true class give log p − log(1 − p)"
        ]
    return []


def _suspect_direction(kind: str, values: FloatArray, members: BoolArray) -> list[str]:
    signed = DIRECTION[kind] * values
    area = auc(signed[members], signed[~members])
    if area.ci95[1] >= CHANCE:
        return []
    cause = "the sign is turned, or the two sets are swapped or differ in difficulty"
    if kind == "phi" and values.min() >= 0:
        cause = (
            "they may be losses (of a loss ℓ = −log p give −log(exp(ℓ) − 1)), "
            "or the two sets are swapped or differ in difficulty"
        )
    return [
        f"the {KINDS[kind]} are {OPPOSITE[kind]} on members than on non-members (AUC "
        f"{_percent(area)}), and training makes them {EXPECTED[kind]}: {cause}; attacks "
        "that use no reference models are below chance"
    ]


def _suspect_references(kind: str, signals: SignalArray, masks: BoolArray) -> list[str]:
    """Check reference models ``[K, A, N]`` against their own masks ``[K, N]``, record by record."""
    inside = masks.sum(axis=0)
    both = (inside > 0) & (inside < len(masks))
    if np.count_nonzero(both) < MIN_RECORDS:
        return []
    total_in, total_out = np.zeros((2, np.count_nonzero(both)))
    for values, mask in zip(each_model(signals), masks, strict=True):
        total_in += values[0, both] * mask[both]
        total_out += values[0, both] * ~mask[both]
    with_record, without = total_in / inside[both], total_out / (len(masks) - inside[both])
    gap = DIRECTION[kind] * (with_record - without)
    error = gap.std(ddof=1) / np.sqrt(len(gap))
    if error == 0 or gap.mean() / error > -MIN_Z:
        return []
    return [
        f"the reference models' {KINDS[kind]} are {OPPOSITE[kind]} on the records that each was "
        f"trained on, by {abs(gap.mean()):.3g} on average: their sign is turned, or their masks "
        "are inverted"
    ]


def widen(estimate: Estimate, z: float) -> tuple[float, float]:
    """Return the interval of an estimate at ``z`` standard errors instead of 1.96, about."""
    factor = z / NORMAL_95
    low, high = estimate.ci95
    return (
        estimate.value - factor * (estimate.value - low),
        estimate.value + factor * (high - estimate.value),
    )


def explain(scores: FloatArray, evaluation: Evaluation) -> str | None:
    """Return what a reader must know about an attack's numbers; None where they need no note.

    Args:
        scores: float64, of any shape.
        evaluation: what they show.
    """
    distinct, counts = np.unique(scores, return_counts=True)
    if len(distinct) == 1:
        return "every record has the same score, so the AUC is 50 % regardless of membership"
    notes = []
    most = int(counts.max())
    if most > MAX_TIED_SHARE * scores.size:
        notes.append(
            f"{most} of {scores.size} scores are equal, so these records cannot be ordered"
        )
    if evaluation.auc.ci95[1] < CHANCE:
        notes.append(
            "below chance: members score lower than non-members; a signal may have the wrong "
            "sign, or members may be harder to classify"
        )
    elif evaluation.balanced_accuracy.ci95[1] < CHANCE:
        notes.append(
            "balanced accuracy below guessing: the threshold chosen on one half of the records "
            "does not transfer to the other"
        )
    return "; ".join(notes) or None


def describe_attack(
    scores: FloatArray,
    evaluation: Evaluation,
    reads: str,
    queries: int | None = None,
    controls: Mapping[str, Control] | None = None,
) -> AttackFinding:
    """Return the finding of an attack, with a note where its numbers need one.

    Args:
        scores: float64, of any shape.
        evaluation: what they show.
        reads: the kind of signal they were made from.
        queries: model calls for one record at most.
        controls: by name; None when not run.
    """
    note = explain(scores, evaluation)
    return AttackFinding(
        **vars(evaluation), note=note, reads=reads, queries=queries, controls=controls
    )


def _percent(estimate: Estimate) -> str:
    value, low, high = (100 * x for x in (estimate.value, *estimate.ci95))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"
