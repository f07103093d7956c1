"""A classifier of members, learned on examples whose membership is known: scores are log odds.

Both classes weigh the same. ``boosting`` is scikit-learn's histogram gradient boosting with few
leaves and early stopping, ``logistic`` a penalised regression on standardised features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.seeds import generator

LearnerName = Literal["boosting", "logistic"]

MAX_LEAVES = 8
MIN_LEAF_EXAMPLES = 40
MAX_TREES = 100
MAX_BINS = 63
MAX_EXAMPLES = 10_000
"""More are drawn from at random: a further example of the same records adds little."""
LEARNING_RATE = 0.1
MIN_RELATIVE_SPREAD = 1e-6
"""Deviations of a feature below this share of its mean are rounding."""
MAX_STANDARD = 10.0
"""Standardised features are clipped there: what hardly varies over the references, as spreads of
few models do, may vary over the target's records."""


def fit_log_odds(
    features: FloatArray, members: BoolArray, learner: LearnerName, seed: int
) -> Callable[[FloatArray], FloatArray]:
    """Return a function from features ``[n, F]`` to log odds of membership, float64 ``[n]``.

    Args:
        features: float64 ``[M, F]``.
        members: bool ``[M]``; where all are on one side, every record has log odds 0.
        learner: which classifier.
        seed: of the examples that are drawn and of the part that early stopping holds out.
    """
    if len(members) > MAX_EXAMPLES:
        drawn = generator(seed, "examples").permutation(len(members))[:MAX_EXAMPLES]
        features, members = features[drawn], members[drawn]
    if members.all() or not members.any():
        return lambda rows: np.zeros(len(rows))
    if learner == "logistic":
        return _logistic(features, members)
    return _boosting(features, members, seed)


def _logistic(features: FloatArray, members: BoolArray) -> Callable[[FloatArray], FloatArray]:
    from sklearn.linear_model import LogisticRegression

    centre, spread = features.mean(axis=0), features.std(axis=0)
    varied = spread > MIN_RELATIVE_SPREAD * np.maximum(1.0, np.abs(centre))

    def scale(rows: FloatArray) -> FloatArray:
        standard = (rows - centre)[:, varied] / spread[varied]
        return np.asarray(np.clip(standard, -MAX_STANDARD, MAX_STANDARD))

    if not varied.any():
        return lambda rows: np.zeros(len(rows))
    classifier = LogisticRegression(class_weight="balanced", max_iter=1000)
    classifier.fit(scale(features), members)
    return lambda rows: np.asarray(classifier.decision_function(scale(rows)))


def _boosting(
    features: FloatArray, members: BoolArray, seed: int
) -> Callable[[FloatArray], FloatArray]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        max_iter=MAX_TREES,
        max_leaf_nodes=MAX_LEAVES,
        max_bins=MAX_BINS,
        min_samples_leaf=min(MIN_LEAF_EXAMPLES, max(1, len(members) // 4)),
        class_weight="balanced",
        # A class of one example leaves nothing to hold out.
        early_stopping=min(members.sum(), (~members).sum()) >= MIN_LEAF_EXAMPLES,
        random_state=seed,
    )
    classifier.fit(features, members)
    return lambda rows: np.asarray(classifier.decision_function(rows))
