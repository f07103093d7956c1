"""Every bound on ε from one run, side by side.

Every bound holds at its own confidence; the largest of them does not. So one of them, named
before looking, is the one that may refute a guarantee; and never the Gaussian one, which speaks
of Gaussian private procedures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.membership.privacy.privacy_audit import (
    OneRunMethod,
    PrivacyBound,
    audit_one_run,
)
from imprint.lenses.membership.privacy.privacy_choices import Budget, Choice, Fixed, Split

METHODS: tuple[OneRunMethod, ...] = get_args(OneRunMethod)


def budget_choice(budget: Sequence[float], seed: int) -> Choice[Budget]:
    """Return a budget fixed beforehand, or, of an empty one, the choice on half of the canaries.

    Args:
        budget: shares guessed in and guessed out, or nothing.
        seed: of the split.

    Raises:
        ImprintError: not two shares, or shares that cannot be.
    """
    if not budget:
        return Split(seed=derive(seed, "split of canaries"))
    if len(budget) != 2:
        raise ImprintError(
            f"a budget is two shares, guessed in and guessed out, got {len(budget)}: "
            "give --budget 0.3,0.3, or --budget '' to choose it on half of the canaries"
        )
    highest, lowest = budget
    return Fixed(Budget(highest, lowest))


def unexplained(scores: FloatArray, reference: FloatArray) -> FloatArray:
    """Return what is left of scores after a line in a reference's scores, by least squares.

    The line is of all canaries alike and sees no coin, so guesses by what is left are still
    guesses from the model alone. A plain difference would be the line of slope 1: right where
    members differ little from others, wrong where a model learnt labels that the reference
    finds absurd to very different degrees.

    >>> unexplained(np.array([1.0, 3.0, 5.0]), np.array([0.0, 1.0, 2.0])).round(9).tolist()
    [0.0, 0.0, 0.0]

    Args:
        scores: float64 ``[m]``.
        reference: float64 ``[m]``, of the same canaries; where all are equal, it explains nothing.
    """
    away = reference - reference.mean()
    spread = away @ away
    slope = (away @ scores) / spread if spread > 0 else 0.0
    return np.asarray(scores - scores.mean() - slope * away)


def one_run_bounds(
    scores: ArrayLike,
    members: ArrayLike,
    choice: Choice[Budget],
    delta: float,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, PrivacyBound]:
    """Return every lower bound on ε from one run; arguments as for :func:`audit_one_run`.

    Raises:
        ImprintError: as :func:`audit_one_run`.
    """
    return {
        method: audit_one_run(scores, members, choice, method, delta, confidence, seed)
        for method in METHODS
    }
