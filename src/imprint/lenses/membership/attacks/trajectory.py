"""Loss trajectory: how a record's loss falls over checkpoints of the training.

A classifier of the losses at E checkpoints is learned on the reference models, whose members are
known, at the same checkpoints; the score is its log odds for the target's own losses. ``relative``
also shows it the distance of each loss from the mean of the record's OUT and IN reference models,
which takes the record's difficulty out: a second reference model at least is needed for it. The
target's membership is never read, and its partner of a balanced cohort stays out. Needs access to
checkpoints, so to the training; E forward passes a record of each model.

After Liu, Zhao, Backes, Zhang 2022, "Membership Inference Attacks by Exploiting Loss Trajectory",
who distil a student of the target, in place of its own checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import Evidence, attack
from imprint.lenses.membership.attack_kit.log_odds import MAX_EXAMPLES, LearnerName, fit_log_odds
from imprint.lenses.membership.attack_kit.pseudo_targets import collect_examples
from imprint.lenses.membership.cohort.references import References

TRAJECTORY = "trajectory"


@dataclass(frozen=True)
class TrajectoryOptions(Checked):
    """Settings of the loss trajectory."""

    learner: LearnerName = "logistic"
    """Logistic regression, or gradient boosting, which sees interactions and costs more."""
    relative: bool = True
    """Also read each loss less its means over OUT and IN reference models of the record."""
    models: Annotated[int, Bounds(least=1)] = 16
    """Reference models at most that the classifier is learned on."""
    seed: int = 0
    """Of the choice of these models and of early stopping."""


@attack(TRAJECTORY, reads=(TRAJECTORY,), sides="both", options=TrajectoryOptions)
def trajectory(evidence: Evidence, kind: str, options: TrajectoryOptions) -> FloatArray:
    """Return the log odds of membership, float64 ``[N]``."""
    if options.relative:
        examples = collect_examples(
            evidence, relative_losses, options.models, most_examples=MAX_EXAMPLES, seed=options.seed
        )
        if examples is not None and _has_both_sides(examples.members):
            log_odds = fit_log_odds(
                examples.features, examples.members, options.learner, options.seed
            )
            return log_odds(relative_losses(evidence))
    losses, members = _losses_of_references(evidence.reference_models, options.models)
    log_odds = fit_log_odds(losses, members, options.learner, options.seed)
    return log_odds(evidence.target[kind].T)


def relative_losses(evidence: Evidence) -> FloatArray:
    """Return losses, and their distances from the OUT and the IN mean, float64 ``[N, 3E]``."""
    losses = evidence.target[TRAJECTORY]
    outside, inside = evidence.reference_models.moments(TRAJECTORY)
    return np.concatenate([losses, losses - outside.mean, losses - inside.mean]).T


def trajectory_iqr(trajectory: FloatArray) -> FloatArray:
    """Return the interquartile range of each record's losses over checkpoints, float64 ``[N]``.

    Between members it ranks who is vulnerable, without any reference model: those whose loss stays
    high for long and then falls. It does not tell members from non-members, and where training ends
    before such a loss falls it ranks those first that were not memorized. Quantiles are linear
    between order statistics.

    Args:
        trajectory: losses float64 ``[E, N]``, E ≥ 1.
    """
    high, low = np.quantile(trajectory, [0.75, 0.25], axis=0)
    return np.asarray(high - low)


def _losses_of_references(references: References, most: int) -> tuple[FloatArray, BoolArray]:
    """Return losses ``[M, E]`` of the references of each record, and whether they saw it."""
    cohort = references.cohort
    losses: list[FloatArray] = []
    members: list[BoolArray] = []
    for row in range(len(cohort)):
        used = references.used_by(row)
        if used.any() and len(losses) < most:
            losses.append(cohort.signals[TRAJECTORY][row][:, used].T)
            members.append(cohort.members[row, used])
    return np.concatenate(losses), np.concatenate(members)


def _has_both_sides(members: BoolArray) -> bool:
    return bool(members.any() and not members.all())
