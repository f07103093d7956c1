"""Classifier: an attack model that is learned on all signals of the reference models.

Each reference model takes the target's place, with the other ones as its references, and a
classifier of members is learned on these examples; the score is its log odds for the target. It
reads every signal of target and references (φ, loss, log-curvature, losses over checkpoints), means
and deviations of φ over the record's OUT and IN models, and what ``features`` says of the record
(its class, its embedding, the entropy of its label …). The target's membership is never read.

The attack model of Shokri, Stronati, Song, Shmatikov 2017, as TensorFlow Privacy and the
Adversarial Robustness Toolbox have it, but for the examples: theirs are the target's own members,
which makes it an upper bound (:func:`imprint.membership.upper_bound`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.bounds import Bounds, Checked
from imprint.lenses.membership.attack_kit.attack import THRESHOLD_KINDS, Evidence, attack
from imprint.lenses.membership.attack_kit.log_odds import MAX_EXAMPLES, LearnerName, fit_log_odds
from imprint.lenses.membership.attack_kit.pseudo_targets import collect_examples

FEATURES = "features"


@dataclass(frozen=True)
class ClassifierOptions(Checked):
    """Settings of the learned attack model."""

    learner: LearnerName = "logistic"
    """Logistic regression, or gradient boosting, which sees interactions and costs more."""
    models: Annotated[int, Bounds(least=1)] = 16
    """Reference models at most that the classifier is learned on."""
    seed: int = 0
    """Of the choice of these models and of early stopping."""


@attack(
    "classifier",
    reads=THRESHOLD_KINDS,
    sides="both",
    spread=True,
    options=ClassifierOptions,
)
def classifier(evidence: Evidence, kind: str, options: ClassifierOptions) -> FloatArray:
    """Return the log odds of membership, float64 ``[N]``; 0 where no reference can be attacked."""
    records = evidence.target.get(FEATURES)

    def features(of: Evidence) -> FloatArray:
        return signal_features(of, tuple(evidence.reference_models.cohort.signals), records)

    examples = collect_examples(
        evidence, features, options.models, most_examples=MAX_EXAMPLES, seed=options.seed
    )
    if examples is None:
        return np.zeros(evidence.target[kind].shape[-1])
    log_odds = fit_log_odds(examples.features, examples.members, options.learner, options.seed)
    return log_odds(features(evidence))


def signal_features(
    evidence: Evidence, kinds: tuple[str, ...], records: FloatArray | None
) -> FloatArray:
    """Return what the classifier reads of each record, float64 ``[N, F]``.

    Args:
        evidence: of a target or a pseudo-target.
        kinds: signals that target and references have.
        records: float64 ``[R, N]``, what does not depend on a model; None without.
    """
    rows = [] if records is None else [records]
    for kind in kinds:
        values = evidence.target[kind]
        outside, inside = evidence.reference_models.moments(kind)
        rows += [values, values - outside.mean, values - inside.mean]
        if kind == "phi":
            deviations = [np.sqrt(side.variance) for side in (outside, inside)]
            rows += [evidence.target_values("loss"), outside.mean, inside.mean, *deviations]
    return np.concatenate(rows).T
