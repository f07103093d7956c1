"""How a threshold or a guess budget is chosen, in ways that keep the confidence of a bound.

Taking the best of many thresholds, each at 95 %, is not a bound at 95 %: on scores that know
nothing, the best of a grid of guess budgets is above 0 in every second audit. So how the
threshold or budget is chosen is an object that a caller must name:

- ``Fixed``: one choice, made before looking.
- ``Split``: the best on some of the examples, measured on the others.
- ``Bonferroni``: the best of n fixed before looking, each at 1/n of the error.

A budget says which share of the canaries with the highest scores is guessed in, and which share
with the lowest is guessed out; the rest is not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from imprint.core import seeds
from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class Budget:
    """How many canaries are guessed: shares of all, the highest scores in, the lowest out."""

    highest: float
    lowest: float

    def __post_init__(self) -> None:
        if not (self.highest >= 0 and self.lowest >= 0 and 0 < self.highest + self.lowest <= 1):
            raise ImprintError(
                f"a budget of the highest {self.highest:g} and the lowest {self.lowest:g} is "
                "invalid: both are shares of the canaries, together above 0 and at most 1"
            )

    def counts(self, canaries: int) -> tuple[int, int]:
        """Return how many of ``canaries`` are guessed in and out, at least one guess."""
        highest = int(self.highest * canaries + 1e-9)
        lowest = int(self.lowest * canaries + 1e-9)
        if highest + lowest == 0:
            return (1, 0) if self.highest >= self.lowest else (0, 1)
        return highest, lowest


BUDGETS = tuple(
    Budget(highest, lowest)
    for share in (1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
    for highest, lowest in ((share / 2, share / 2), (share / 2, 0.0), (0.0, share / 2))
)

Candidate = TypeVar("Candidate", Budget, float)


@dataclass(frozen=True)
class Fixed(Generic[Candidate]):
    """One candidate, chosen before looking at these scores."""

    candidate: Candidate


@dataclass(frozen=True)
class Split(Generic[Candidate]):
    """The best candidate on some examples, measured on the others.

    Valid because the others' coins are independent of the examples that chose.

    Attributes:
        candidates: empty means ``BUDGETS`` in one run, every score seen in many.
        tune: share of the examples that choose, in (0, 1).
        seed: of the split.
    """

    candidates: tuple[Candidate, ...] = ()
    tune: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.tune < 1:
            raise ImprintError(f"a tuning share of {self.tune:g} must lie in (0, 1)")


@dataclass(frozen=True)
class Bonferroni(Generic[Candidate]):
    """The best of some candidates fixed before looking, each at its part of the error."""

    candidates: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ImprintError("Bonferroni needs at least one candidate, fixed beforehand")


Choice = Fixed[Candidate] | Split[Candidate] | Bonferroni[Candidate]


def budget_choice(budget: Sequence[float], seed: int) -> Choice[Budget]:
    """Return a budget fixed beforehand, or, of an empty one, the choice on half of the canaries.

    Args:
        budget: shares guessed in and guessed out, or nothing.
        seed: of the split.

    Raises:
        ImprintError: not two shares, or shares that cannot be.
    """
    if not budget:
        return Split(seed=seeds.derive(seed, "split of canaries"))
    if len(budget) != 2:
        raise ImprintError(
            f"a budget is two shares, guessed in and guessed out, got {len(budget)}: "
            "give --budget 0.3,0.3, or --budget '' to choose it on half of the canaries"
        )
    highest, lowest = budget
    return Fixed(Budget(highest, lowest))


def list_candidates(
    choice: Choice[Candidate], default: tuple[Candidate, ...], confidence: float
) -> tuple[tuple[Candidate, ...], float]:
    """Return what is tried, and the confidence of each trial."""
    if isinstance(choice, Fixed):
        return (choice.candidate,), confidence
    if isinstance(choice, Bonferroni):
        return choice.candidates, 1 - (1 - confidence) / len(choice.candidates)
    return choice.candidates or default, confidence


def split_examples(count: int, choice: Split[Candidate]) -> tuple[IntArray, IntArray]:
    """Return the examples that choose and those that are measured, int64 each.

    Raises:
        ImprintError: one part is empty.
    """
    order = seeds.generator(choice.seed, "tune and test").permutation(count)
    tuned = round(choice.tune * count)
    if not 0 < tuned < count:
        raise ImprintError(
            f"a split of {count} examples at {choice.tune:g} leaves one part empty: give more"
        )
    return order[:tuned], order[tuned:]


def describe_choice(choice: Choice[Candidate], chosen: str, count: int) -> str:
    """Return how ``chosen`` was chosen among ``count`` candidates, in words."""
    if isinstance(choice, Fixed):
        return f"fixed: {chosen}"
    if isinstance(choice, Bonferroni):
        return f"best of {count} at 1/{count} of the error: {chosen}"
    return f"best of {count} on the {choice.tune:g} that tune: {chosen}"
