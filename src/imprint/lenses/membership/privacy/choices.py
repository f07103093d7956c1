"""How a threshold or a guess budget is chosen, in ways that keep the confidence of a bound.

Taking the best of many thresholds, each at 95 %, is not a bound at 95 %: on scores that know
nothing, the best of a grid of guess budgets is above 0 in every second audit. So how the
threshold or budget is chosen is an object that a caller must name:

- ``Fixed``: one choice, made before looking.
- ``Split``: the best on some of the examples, measured on the others.
- ``MultiSplit``: many such splits, each at half of the error; the median of their bounds.
- ``Bonferroni``: the best of n fixed before looking, each at 1/n of the error. Of every threshold,
  n is what the number of examples allows: counted on the scores, it is no divisor for a proof.

Source of ``MultiSplit``: Meinshausen, Meier, Bühlmann, JASA 2009, theorem 3.1. In half of the
splits or more the p-value is at most α/2 with probability α at most (Markov), so an ε that at
least half of the bounds at 1 − α/2 exceed is refuted at 1 − α.

A budget says which share of the canaries with the highest scores is guessed in, and which share
with the lowest is guessed out; the rest is not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imprint.core import seeds
from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.methods import SPLITS, Choosing


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
class MultiSplit(Generic[Candidate]):
    """The median of the bounds of many splits, each at half of the error.

    Not larger than one ``Split`` on average, but it depends much less on how the halves fell.

    Attributes:
        candidates: as of ``Split``.
        tune: share of the examples that choose, in (0, 1).
        seed: of the splits.
        splits: how many.
    """

    candidates: tuple[Candidate, ...] = ()
    tune: float = 0.5
    seed: int = 0
    splits: int = 100

    def __post_init__(self) -> None:
        if self.splits < 1:
            raise ImprintError(f"splits must be at least 1, got {self.splits}")
        Split(self.candidates, self.tune)

    def each(self) -> list[Split[Candidate]]:
        """Return the single splits."""
        every = (seeds.derive(self.seed, "split", row) for row in range(self.splits))
        return [Split(self.candidates, self.tune, seed) for seed in every]

    @property
    def place(self) -> int:
        """The rank of the bound that at least half of the splits reach, the greatest being 0."""
        return (self.splits + 1) // 2 - 1


@dataclass(frozen=True)
class Bonferroni(Generic[Candidate]):
    """The best of some candidates fixed before looking, each at its part of the error.

    Attributes:
        candidates: empty means every threshold: in one run guessing the k highest in, for every
            k ≤ m; in many calling from every score on, n + m + 1 thresholds at most.
    """

    candidates: tuple[Candidate, ...] = ()


Choice = Fixed[Candidate] | Split[Candidate] | MultiSplit[Candidate] | Bonferroni[Candidate]


def budget_choice(
    budget: Sequence[float], seed: int, choosing: Choosing = "auto", splits: int = SPLITS
) -> Choice[Budget]:
    """Return how the budget of one run is chosen.

    Args:
        budget: shares guessed in and guessed out, fixed beforehand; or nothing.
        seed: of splits.
        choosing: ``auto`` is ``fixed``, or, of an empty budget, ``split``.
        splits: of ``multi_split``.

    Raises:
        ImprintError: not two shares, or shares that cannot be.
    """
    if choosing == "fixed" or (choosing == "auto" and budget):
        return Fixed(_named_budget(budget))
    if choosing == "bonferroni":
        return Bonferroni(BUDGETS)
    return threshold_choice(choosing, derive_split(seed, "canaries"), splits)


def run_choice(
    threshold: float | None, seed: int, choosing: Choosing = "auto", splits: int = SPLITS
) -> Choice[float]:
    """Return how the threshold of many runs is chosen.

    Args:
        threshold: fixed beforehand; or None.
        seed: of splits.
        choosing: ``auto`` is ``fixed``, or, without a threshold, ``split``.
        splits: of ``multi_split``.

    Raises:
        ImprintError: there is no threshold to fix, or no grid of scores that could be preset.
    """
    if choosing == "fixed" or (choosing == "auto" and threshold is not None):
        if threshold is None:
            raise ImprintError("a fixed choice of many runs needs a threshold: give --threshold")
        return Fixed(threshold)
    if choosing == "bonferroni":
        raise ImprintError(
            "there is no preset grid of scores of many runs: choose all_thresholds, or give "
            "Bonferroni its thresholds from Python"
        )
    return threshold_choice(choosing, derive_split(seed, "runs"), splits)


def threshold_choice(choosing: Choosing, seed: int, splits: int) -> Choice[Any]:
    """Return a choice that needs no candidates; ``auto`` is one split."""
    if choosing == "multi_split":
        return MultiSplit(seed=seed, splits=splits)
    return Bonferroni() if choosing == "all_thresholds" else Split(seed=seed)


def derive_split(seed: int, what: str) -> int:
    """Return the seed of the splits of canaries, or of runs."""
    return seeds.derive(seed, f"split of {what}")


def _named_budget(budget: Sequence[float]) -> Budget:
    if len(budget) != 2:
        raise ImprintError(
            f"a budget is two shares, guessed in and guessed out, got {len(budget)}: "
            "give --budget 0.3,0.3, or --budget '' to choose it on half of the canaries"
        )
    return Budget(*budget)


def list_candidates(
    choice: Fixed[Candidate] | Split[Candidate] | Bonferroni[Candidate],
    default: tuple[Candidate, ...],
    thresholds: int,
    confidence: float,
) -> tuple[tuple[Candidate, ...], float]:
    """Return what is tried, and the confidence of each trial.

    Args:
        choice: how one of them is chosen.
        default: the candidates of a choice that names none.
        thresholds: how many of them there may be, whatever the scores.
        confidence: of the bound.
    """
    if isinstance(choice, Fixed):
        return (choice.candidate,), confidence
    candidates = choice.candidates or default
    if isinstance(choice, Split):
        return candidates, confidence
    return candidates, 1 - (1 - confidence) / (len(choice.candidates) or thresholds)


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


def describe_choice(
    choice: Fixed[Candidate] | Split[Candidate] | Bonferroni[Candidate], chosen: str, count: int
) -> str:
    """Return how ``chosen`` was chosen among ``count`` candidates, in words."""
    if isinstance(choice, Fixed):
        return f"fixed: {chosen}"
    if isinstance(choice, Bonferroni):
        return f"best of {count} at 1/{count} of the error: {chosen}"
    return f"best of {count} on the {choice.tune:g} that tune: {chosen}"
