"""Findings of ``coverage fuzz``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.missing import Missing


@dataclass(frozen=True)
class FuzzCurve:
    """How a search went, by forward passes; point 0 is its start.

    Attributes:
        passes: forward passes.
        coverage: by the criterion that guides; None without one.
        faults: found so far.
        unique: unique faults so far.
    """

    passes: tuple[int, ...]
    coverage: tuple[float, ...] | None
    faults: tuple[int, ...]
    unique: tuple[int, ...]


@dataclass(frozen=True)
class FaultPair:
    """Faults of one pair of classes.

    Attributes:
        expected: the class that is right.
        predicted: the class that the network names.
        faults: how many.
        unique: unique ones.
    """

    expected: int
    predicted: int
    faults: int
    unique: int


@dataclass(frozen=True)
class MutationYield:
    """What mutants of one last mutation gave.

    Attributes:
        mutants: how many the network classified.
        accepted: how many of them added to coverage.
        faults: how many it got wrong.
    """

    mutants: int
    accepted: int
    faults: int


@dataclass(frozen=True)
class MinimisedFaults:
    """Faults whose mutations were made fewer and smaller.

    Attributes:
        faults: how many.
        passes: forward passes it took, on top of the budget.
        mutations_before: mean number of mutations of a fault as it was found.
        mutations_after: mean number that is left.
        change_before: mean change of a value from the seed, as a share of the range.
        change_after: the same of what is left.
    """

    faults: int
    passes: int
    mutations_before: float
    mutations_after: float
    change_before: float
    change_after: float


@dataclass(frozen=True)
class FaultQuality:
    """How far faults lie from ordinary images: Fréchet distances (FID) on features.

    Attributes:
        network: whose features, by the name of its file.
        images: faults that are compared, and seeds for comparison.
        distance: of the unique faults from the other seeds.
        seed_distance: of as many random seeds from the other ones, mean over draws.
        seed_low, seed_high: range of 95 % of the draws.
        score: inception score of the faults by the network; None where it has no classifier.
        seed_score: of the random seeds, mean over draws.
    """

    network: str
    images: int
    distance: float
    seed_distance: float
    seed_low: float
    seed_high: float
    score: float | None = None
    seed_score: float | None = None


@dataclass(frozen=True)
class Fuzzing:
    """A search for inputs that a network gets wrong.

    Attributes:
        criterion: that guided it; ``random`` or ``none`` of a control.
        oracle: what says which class is right: ``labels``, ``judge``, ``network`` or a scheme of
            int8.
        seeds: images it began with.
        misclassified_seeds: that were left out, as a network gets them wrong.
        budget: forward passes that were allowed.
        passes: that were taken.
        rounds: in how many portions.
        corpus: inputs that are there to be mutated in the end, seeds among them.
        faults: mutants that the network gets wrong.
        disputed: mutants more whose class the judge does not confirm.
        unique: faults that differ in their pair of classes or lie apart in the features.
        radius: how far apart two faults of one pair of classes are two.
        pairs: of classes, the most frequent first; at most 50.
        pair_count: how many there are.
        expected_entropy: of the right classes of faults, in nats.
        predicted_entropy: of the named ones.
        mutations: what each gave.
        curve: of the search.
        minimised: of the unique faults; None where none was.
        quality: of the unique faults; None where it was not asked for.
    """

    criterion: str
    oracle: str
    seeds: int
    misclassified_seeds: int
    budget: int
    passes: int
    rounds: int
    corpus: int
    faults: int
    disputed: int
    unique: int
    radius: float
    pairs: tuple[FaultPair, ...]
    pair_count: int
    expected_entropy: float
    predicted_entropy: float
    mutations: Mapping[str, MutationYield]
    curve: FuzzCurve
    minimised: MinimisedFaults | None = None
    quality: FaultQuality | Missing | None = None


@dataclass(frozen=True)
class FuzzFindings:
    """Findings of ``coverage fuzz``."""

    fuzzing: Fuzzing
