"""The search: rounds of mutants that a network classifies, within a budget of forward passes.

A round chooses inputs of the corpus, gives each its share of trials, and runs all children as one
batch. A child that the network gets wrong is a fault, and is mutated no further; another one joins
the corpus if the guide accepts it. The budget counts every mutant that the network classifies,
once each. All that is drawn is a function of the seed and of numbers, so that a search that was
interrupted goes on as if it had not been.

Xie et al., "DeepHunter" (ISSTA 2019), is the loop that this one batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray, Pixels
from imprint.core.seeds import derive
from imprint.lenses.coverage.fuzzing.children import Breeder
from imprint.lenses.coverage.fuzzing.corpus import Corpus, Entries, share_trials
from imprint.lenses.coverage.fuzzing.guide import Guide
from imprint.lenses.coverage.fuzzing.unique_faults import Features, UniqueFaults
from imprint.neurons.activations import Batch

MAX_BARREN_ROUNDS = 50
"""Rounds without any valid child, one after another, after which a search gives up."""
MAX_KEPT_BYTES = 1 << 30
"""Of the pixels of unique faults; later ones are counted alone."""
PER_ROUND = ("passes", "accepted", "faults", "unique", "disputed", "value")
PER_FAULT = ("number", "seed", "expected", "predicted", "unique")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a network makes of some inputs.

    Attributes:
        batch: activations.
        predictions: int64 ``[b]``.
        features: float32 ``[b, d]``, before the classifier.
    """

    batch: Batch
    predictions: IntArray
    features: Features


class Subject(Protocol):
    """The network under test."""

    def __call__(self, images: Tensor) -> Outcome:
        """Return what it makes of images, float32 ``[b, channels, H, W]`` in [0, 255]."""
        ...


class Oracle(Protocol):
    """Says what is right."""

    def expected(self, images: Tensor, labels: IntArray) -> IntArray:
        """Return the class that the network should name, int64 ``[b]``.

        Args:
            images: float32 ``[b, channels, H, W]`` in [0, 255].
            labels: int64 ``[b]``, of the seeds that they come from.
        """
        ...

    def confirms(self, images: Tensor, expected: IntArray) -> BoolArray:
        """Return for which faults the expected class is beyond doubt, bool ``[b]``."""
        ...


@dataclass(frozen=True)
class SearchOptions:
    """How long to search, and in what portions.

    Attributes:
        budget: mutants that the network classifies.
        round_size: mutants of a round.
        parents: inputs that are mutated in a round.
        depth: mutations of one input at most.
        seed: of all that is drawn.
    """

    budget: int
    round_size: int
    parents: int
    depth: int
    seed: int


class Search:
    """A search under way.

    Args:
        options: how long, and in what portions.
        seeds: uint8 ``[n, channels, H, W]``.
        labels: int64 ``[n]``, their classes.
        breeder: makes mutants.
        guide: judges them; it knows the seeds already.
        unique: tells faults apart.
    """

    def __init__(
        self,
        options: SearchOptions,
        seeds: Pixels,
        labels: IntArray,
        breeder: Breeder,
        guide: Guide,
        unique: UniqueFaults,
    ) -> None:
        self.options, self.seeds, self.labels = options, seeds, labels
        self.breeder, self.guide, self.unique = breeder, guide, unique
        self.corpus = Corpus(Entries.of_seeds(seeds, options.depth))
        self.kept = Entries.of_seeds(seeds[:0], options.depth)
        self.round = self.passes = self.drawn = self.barren = 0
        self.by_round: dict[str, list[float]] = {name: [] for name in PER_ROUND}
        self.by_fault: dict[str, list[int]] = {name: [] for name in PER_FAULT}
        kinds = len(breeder.mutations)
        self.tried, self.accepted, self.wrong = (np.zeros(kinds, np.int64) for _ in range(3))
        self._log(0, 0, 0)

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent, or nothing can be mutated any more."""
        return self.passes >= self.options.budget or self.barren >= MAX_BARREN_ROUNDS

    def rounds(self, subject: Subject, oracle: Oracle) -> Iterator[int]:
        """Run rounds until the search is over; yield the forward passes of each."""
        while not self.is_over:
            yield self._round(subject, oracle)

    def _round(self, subject: Subject, oracle: Oracle) -> int:
        children, images = self._children()
        self.round += 1
        self.barren = 0 if len(children) else self.barren + 1
        if not len(children):
            return 0
        outcome = subject(images)
        self.passes += len(children)
        adds = self.guide.accept(outcome.batch)
        expected = oracle.expected(images, self.labels[children.lineage.seeds])
        differs = outcome.predictions != expected
        wrong = self._confirmed(differs, images, expected, oracle)
        self._record(children, outcome, expected, wrong)
        joins = adds & ~differs
        self.corpus.add(children.rows(joins))
        self._count(children, adds, wrong)
        self._log(int(joins.sum()), int(wrong.sum()), int((differs & ~wrong).sum()))
        return len(children)

    def _children(self) -> tuple[Entries, Tensor]:
        options = self.options
        rows = self.corpus.choose(
            options.parents, derive(options.seed, "fuzzing parents", self.round)
        )
        count = min(options.round_size, options.budget - self.passes)
        trials = share_trials(self.corpus.room(rows), count if len(rows) else 0)
        parents = np.repeat(rows, trials)
        numbers = self.drawn + np.arange(len(parents))
        self.drawn += len(parents)
        order, changes = self.breeder.draw(numbers, self.corpus.moved(parents))
        return self.breeder.breed(self.corpus.rows(parents[order]), changes)

    def _confirmed(
        self, differs: BoolArray, images: Tensor, expected: IntArray, oracle: Oracle
    ) -> BoolArray:
        wrong = differs.copy()
        rows = np.flatnonzero(differs)
        if len(rows):
            at = torch.from_numpy(rows).to(images.device)
            wrong[rows] = oracle.confirms(images[at], expected[rows])
        return wrong

    def _record(
        self, children: Entries, outcome: Outcome, expected: IntArray, wrong: BoolArray
    ) -> None:
        """Note the faults of a round, and keep those that are new of their kind."""
        rows = np.flatnonzero(wrong)
        if not len(rows):
            return
        pairs = np.stack([expected[rows], outcome.predictions[rows]], 1)
        numbers, new = self.unique.assign(pairs, outcome.features[rows])
        first = self.passes - len(children) + 1
        columns = (first + rows, children.lineage.seeds[rows], pairs[:, 0], pairs[:, 1], numbers)
        for name, column in zip(PER_FAULT, columns, strict=True):
            self.by_fault[name].extend(column.tolist())
        place = MAX_KEPT_BYTES // (2 * self.seeds[:1].nbytes) - len(self.kept)
        kept = children.rows(rows[new[: max(place, 0)]])
        if len(kept):
            pairs_of = zip(self.kept.arrays().items(), kept.arrays().values(), strict=True)
            joined = {name: np.concatenate([old, more]) for (name, old), more in pairs_of}
            self.kept = Entries.of_arrays(joined)

    def _count(self, children: Entries, adds: BoolArray, wrong: BoolArray) -> None:
        lineage = children.lineage
        last = lineage.kinds[np.arange(len(lineage)), lineage.lengths() - 1]
        size = len(self.tried)
        self.tried += np.bincount(last, minlength=size)
        self.accepted += np.bincount(last[adds], minlength=size)
        self.wrong += np.bincount(last[wrong], minlength=size)

    def _log(self, accepted: int, faults: int, disputed: int) -> None:
        value = self.guide.value()
        row = (
            *(self.passes, accepted, faults, len(self.unique), disputed),
            float("nan") if value is None else value,
        )
        for name, number in zip(PER_ROUND, row, strict=True):
            self.by_round[name].append(number)

    def state(self) -> dict[str, Tensor]:
        """Return all that :meth:`restore` needs, as tensors."""
        parts: Mapping[str, Mapping[str, NDArray[Any]]] = {
            "corpus": self.corpus.arrays(),
            "kept": self.kept.arrays(),
            "unique": self.unique.state(),
            "round": {name: np.array(values) for name, values in self.by_round.items()},
            "fault": {
                name: np.array(values, dtype=np.int64) for name, values in self.by_fault.items()
            },
            "count": {
                "progress": np.array([self.round, self.passes, self.drawn, self.barren]),
                **{name: getattr(self, name) for name in ("tried", "accepted", "wrong")},
            },
        }
        tensors = {
            f"{part}.{name}": torch.from_numpy(np.ascontiguousarray(array).copy())
            for part, arrays in parts.items()
            for name, array in arrays.items()
        }
        return {**tensors, **{f"guide.{name}": each for name, each in self.guide.state().items()}}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state` left off.

        Raises:
            KeyError: something is missing.
        """
        corpus = _part(state, "corpus")
        self.corpus = Corpus(Entries.of_arrays(corpus), corpus["chosen"])
        self.kept = Entries.of_arrays(_part(state, "kept"))
        self.unique.restore(_part(state, "unique"))
        self.by_round = {name: _part(state, "round")[name].tolist() for name in PER_ROUND}
        self.by_fault = {name: _part(state, "fault")[name].tolist() for name in PER_FAULT}
        counts = _part(state, "count")
        self.round, self.passes, self.drawn, self.barren = counts["progress"].tolist()
        self.tried, self.accepted, self.wrong = (
            counts[name] for name in ("tried", "accepted", "wrong")
        )
        prefix = "guide."
        self.guide.restore(
            {name[len(prefix) :]: each for name, each in state.items() if name.startswith(prefix)}
        )


def _part(state: Mapping[str, Tensor], part: str) -> dict[str, NDArray[Any]]:
    return {
        name.partition(".")[2]: tensor.numpy()
        for name, tensor in state.items()
        if name.partition(".")[0] == part
    }
