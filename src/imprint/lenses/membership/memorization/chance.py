"""How many records would count as memorized if training on them changed nothing.

If it did not, which of the c models that get a record right were trained on it would be chance:
with n models in and m out, x of the n are right with the hypergeometric probability of n draws
from n + m, and the score is x / n − (c − x) / m. Exact for any number of models, given how many
are right.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from imprint.core.arrays import BoolArray, IntArray


def count_cases(members: BoolArray, correct: BoolArray) -> IntArray:
    """Return how many records have n models in and c models right, int64 ``[K + 1, K + 1]``.

    Args:
        members: bool ``[K, N]``.
        correct: bool ``[K, N]``.
    """
    models = len(members)
    cases = np.zeros((models + 1, models + 1), dtype=np.int64)
    np.add.at(cases, (members.sum(axis=0), correct.sum(axis=0)), 1)
    return cases


def memorized_by_chance(cases: IntArray, cut: float) -> float:
    """Return how many records would reach a memorization of ``cut`` without any effect.

    Records that every model saw, or none, have no memorization and do not count.

    Args:
        cases: of :func:`count_cases`.
        cut: least memorization.
    """
    models = len(cases) - 1
    inside, right = np.nonzero(cases[1:models])
    inside += 1
    outside = models - inside
    least = (cut + right / outside) / (1 / inside + 1 / outside)
    # Rounding must not push a score that equals the cut below it.
    least = np.ceil(least - 1e-9)
    chance = stats.hypergeom.sf(least - 1, models, right, inside)
    return float((chance * cases[inside, right]).sum())
