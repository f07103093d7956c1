"""Every bound on ε from one run, side by side.

Every bound holds at its own confidence; the largest of them does not. So one of them, named
before looking, is the one that may refute a guarantee; and never the Gaussian one, which speaks
of Gaussian private procedures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from numpy.typing import ArrayLike

from imprint.membership.privacy_audit import (
    Budget,
    Choice,
    Fixed,
    OneRunMethod,
    PrivacyBound,
    Split,
    audit_one_run,
)
from imprint.seeds import derive

METHODS: tuple[OneRunMethod, ...] = get_args(OneRunMethod)


def budget_choice(budget: Sequence[float], seed: int) -> Choice[Budget]:
    """Return a budget fixed beforehand, or, of an empty one, the choice on half of the canaries.

    Args:
        budget: shares guessed in and guessed out, or nothing.
        seed: of the split.

    Raises:
        ImprintError: shares that cannot be.
    """
    if not budget:
        return Split(seed=derive(seed, "split of canaries"))
    highest, lowest = budget
    return Fixed(Budget(highest, lowest))


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
