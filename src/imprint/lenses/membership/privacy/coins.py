"""Whether the coins of canaries look fair, which every bound from one run assumes.

Where each canary went into the training set by its own fair coin, the number of members is
binomial(m, ½). Coins that fell otherwise prove an ε > 0 from scores without any information:
guessing "member" throughout is right as often as there are members. Theorem 5.2 of Steinke, Nasr,
Jagielski, NeurIPS 2023, has no other assumption about the data, so it is the one tested here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.duplicates import first_of_copies

MIN_P_VALUE = 1e-6
"""p-value of the member count below which the coins were not fair, and a bound is refused."""
DOUBTFUL_P_VALUE = 0.01
"""p-value below which no bound is printed; one honest audit in a hundred has such a count."""


@dataclass(frozen=True)
class Coins:
    """How the coins of an audit fell.

    Attributes:
        canaries: m.
        members: how many of them are members.
        p_value: two-sided, of a count at least as unlikely under fair coins.
        doubt: why no bound may rest on them; None where one may.
    """

    canaries: int
    members: int
    p_value: float
    doubt: str | None


def check_coins(members: NDArray[np.bool_]) -> Coins:
    """Return how the coins fell: the exact two-sided binomial test of the member count.

    >>> check_coins(np.arange(1000) < 520).doubt is None
    True

    Args:
        members: bool ``[m]``, m ≥ 1.

    Raises:
        ImprintError: p < ``MIN_P_VALUE``.
    """
    count, inside = len(members), int(np.count_nonzero(members))
    chance = float(binomtest(inside, count, 0.5).pvalue)
    counted = f"{inside} of {count} canaries are members, and fair coins give so uneven a count"
    if chance < MIN_P_VALUE:
        raise ImprintError(
            f"{counted} with probability {chance:.0e}: a bound from one run holds only where each "
            "canary was put into the training set by a fair coin of its own; draw members so, or "
            "use --runs many with independent trainings"
        )
    doubt = None
    if chance < DOUBTFUL_P_VALUE:
        doubt = (
            f"{counted} with probability {chance:.2g}: were the coins not fair, scores without "
            "any information would prove an ε > 0, so no bound is given; draw new coins, or more "
            "canaries"
        )
    return Coins(count, inside, chance, doubt)


def check_rows_differ(scores: NDArray[np.float64], members: NDArray[np.bool_], what: str) -> None:
    """Refuse rows that are listed more than once: copies of one coin are not independent coins.

    Args:
        scores: float64 ``[m]``.
        members: bool ``[m]``.
        what: ``"canaries"`` or ``"runs"``.

    Raises:
        ImprintError: rows repeat the score and the membership of others, more than ties would.
    """
    first = first_of_copies(scores[None], members[None], few=0.0)
    copies = np.flatnonzero(first != np.arange(len(first)))
    if len(copies):
        row = int(copies[0])
        raise ImprintError(
            f"{len(copies)} of {len(first)} {what} repeat the score and the membership of another, "
            f"row {row} those of row {int(first[row])} first: a bound counts independent {what}, "
            "so list each once"
        )
