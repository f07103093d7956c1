"""A linear head on frozen features: multinomial logistic regression, in seconds.

Features are scaled to unit variance. How strongly weights are held to 0 is chosen once for a set
of features, on a fifth of the training rows that the head did not see then; the head is then
fitted to all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.stats.folds import k_fold

STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the penalty, scikit-learn's C, to choose from."""
HELD_BACK_FOLDS = 5
MOST_STEPS = 200
LEAST_LOG_PROBABILITY = float(np.log(1e-12))


@dataclass(frozen=True)
class LinearHead:
    """A fitted head.

    Attributes:
        mean: float64 ``[d]``, taken off the features.
        scale: float64 ``[d]``, what they are divided by then.
        model: scikit-learn's.
        classes: number of classes C, with those that had no row to train on.
    """

    mean: FloatArray
    scale: FloatArray
    model: Any
    classes: int

    def log_probabilities(self, features: NDArray[Any]) -> FloatArray:
        """Return ln P(c) of each row, float64 ``[n, C]``; 1e-12 for classes never seen."""
        known = self.model.predict_log_proba((features - self.mean) / self.scale)
        filled = np.full((len(features), self.classes), LEAST_LOG_PROBABILITY)
        filled[:, self.model.classes_] = np.maximum(known, LEAST_LOG_PROBABILITY)
        return filled


def fit_linear_head(
    features: NDArray[Any],
    labels: IntArray,
    classes: int,
    strength: float = 1.0,
) -> LinearHead:
    """Return the head that fits rows of features best.

    Args:
        features: ``[n, d]``.
        labels: int64 ``[n]``, of at least two classes.
        classes: number of classes C.
        strength: inverse strength of the penalty.
    """
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0, dtype=np.float64)
    spread = features.std(axis=0, dtype=np.float64)
    scale = np.where(spread > 1e-12, spread, 1.0)
    model = LogisticRegression(C=strength, max_iter=MOST_STEPS)
    model.fit((features - mean) / scale, labels)
    return LinearHead(mean, scale, model, classes)


def choose_strength(features: NDArray[Any], labels: IntArray, classes: int, seed: int) -> float:
    """Return the inverse strength with the least loss on a fifth of the rows that is held back.

    Args:
        features: ``[n, d]``, n ≥ 5.
        labels: int64 ``[n]``.
        classes: number of classes C.
        seed: of the draw.
    """
    held_back = k_fold(len(labels), HELD_BACK_FOLDS, seed, labels) == 0
    losses = []
    for strength in STRENGTHS:
        head = fit_linear_head(features[~held_back], labels[~held_back], classes, strength)
        rows = head.log_probabilities(features[held_back])
        losses.append(-float(rows[np.arange(len(rows)), labels[held_back]].mean()))
    return STRENGTHS[int(np.argmin(losses))]
