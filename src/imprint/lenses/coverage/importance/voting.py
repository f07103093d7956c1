"""WISDOM's votes: which neurons several attributions agree on, weighed by what they are worth.

Each batch, method M has scores s_M, its m best neurons S_M, and the loss gain g_M without them. The
consensus of the batch ranks the union of all S_M by Σ_M w_M s_M; the best K get K, K − 1, …, 1
points. Points add up over batches.

As published, w = g / Σ g of the raw gains, scores keep their units, and K = 10. A negative sum
turns every sign, and the method of the largest scores decides alone. Here gains below zero count
nothing, a batch without any gain is left out, scores are divided by Σ|s| of their method, K = m,
and the count ends once the m leading neurons are settled. Both ways are offered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.neurons.activations import Layers
from imprint.neurons.ballot import Ballot
from imprint.neurons.importance import Selection, hidden, select
from imprint.stats.bootstrap import resamples

PUBLISHED_POINTS = 10


@dataclass(frozen=True)
class VotingOptions:
    """How ballots become votes."""

    published: bool = False
    """Count as published: raw gains and scores, 10 points for the best, all batches."""
    mode: Literal["fine", "coarse"] = "fine"
    """The consensus of all methods votes, or the choice of the one of the largest gain alone."""
    m: int = 10
    """Leading neurons to find."""
    window: int = 20
    """Batches over which the leading neurons must stay; 0 counts all batches."""
    agreement: float = 0.99
    """Jaccard index that counts as staying, in (0, 1]."""
    draws: int = 200
    """Bootstrap resamples of the batches."""
    seed: int = 0
    """Of the bootstrap."""
    among: tuple[str, ...] = ()
    """Layers whose neurons are voted on; empty for all but the last, whose units are classes."""

    def __post_init__(self) -> None:
        if self.mode not in ("fine", "coarse"):
            raise ImprintError(f"voting mode is {self.mode!r}: choose fine or coarse")
        if self.m < 1 or self.window < 0 or self.draws < 1:
            raise ImprintError(
                f"voting takes m ≥ 1, window ≥ 0 and draws ≥ 1, got {self.m}, {self.window} and "
                f"{self.draws}"
            )
        if not 0 < self.agreement <= 1:
            raise ImprintError(f"voting agreement is {self.agreement:g}: it lies in (0, 1]")

    @property
    def points(self) -> int:
        """What the best neuron of a batch gets."""
        return PUBLISHED_POINTS if self.published else self.m

    def lead(self, layers: Layers, scores: FloatArray) -> Selection:
        """Return the m neurons of the highest scores among the layers that are voted on."""
        return select(layers, scores, self.m, self.among or hidden(layers))


@dataclass(frozen=True, eq=False)
class Votes:
    """All votes.

    Attributes:
        layers: of the network.
        votes: int64 ``[neurons]``.
        batches: how many voted.
        skipped: how many had no loss gain to vote by.
        settled: whether the count ended because the leading neurons stayed.
        frequency: float64 ``[neurons]``, share of bootstrap resamples of the batches in which a
            neuron is among the m leading ones.
        wins: of each method, in how many batches its gain was the largest.
        mean_gains: of each method.
        among: layers whose neurons were voted on.
    """

    layers: Layers
    votes: IntArray
    batches: int
    skipped: int
    settled: bool
    frequency: FloatArray
    wins: dict[str, int]
    mean_gains: dict[str, float]
    among: tuple[str, ...] = ()

    def leading(self, m: int) -> Selection:
        """Return the m neurons of most votes."""
        among = self.among or hidden(self.layers)
        return select(self.layers, self.votes.astype(np.float64), m, among)


def consensus(ballot: Ballot, options: VotingOptions) -> IntArray:
    """Return the neurons that get points in a batch, the best first; none if it has no loss gain.

    Args:
        ballot: of the batch.
        options: of the count.
    """
    gains = ballot.gains if options.published else np.maximum(ballot.gains, 0)
    if gains.sum() == 0:
        return np.zeros(0, dtype=np.int64)
    if options.mode == "coarse":
        return ballot.chosen[int(np.argmax(gains))].neurons[: options.points]
    weights = gains / gains.sum()
    score = np.zeros(ballot.layers.neurons)
    named = np.zeros(ballot.layers.neurons, dtype=np.bool_)
    for weight, row, pick in zip(weights, ballot.scores, ballot.chosen, strict=True):
        size = 1.0 if options.published else np.abs(row).sum()
        named[pick.neurons] = True
        if size > 0:
            score[pick.neurons] += weight * row[pick.neurons] / size
    union = np.flatnonzero(named)
    order = np.argsort(-score[union], kind="stable")
    return union[order][: options.points].astype(np.int64)


def count_votes(ballots: Iterable[Ballot], options: VotingOptions) -> Votes:
    """Return the votes of batches, read until the leading neurons are settled.

    Raises:
        ImprintError: no ballot, or none with any loss gain.
    """
    rows: list[IntArray] = []
    leaders: list[frozenset[int]] = []
    gains: list[FloatArray] = []
    skipped, settled = 0, False
    votes: IntArray = np.zeros(0, dtype=np.int64)
    ballot: Ballot | None = None
    for ballot in ballots:
        if not len(votes):
            votes = np.zeros(ballot.layers.neurons, dtype=np.int64)
        gains.append(ballot.gains)
        row = consensus(ballot, options)
        if not len(row):
            skipped += 1
            continue
        rows.append(row)
        votes[row] += _points(options.points, len(row))
        best = options.lead(ballot.layers, votes.astype(np.float64))
        leaders.append(frozenset(best.neurons.tolist()))
        if not options.published and is_settled(leaders, options):
            settled = True
            break
    if ballot is None or not rows:
        raise ImprintError(
            "no batch had any loss gain to vote by: give more inputs, or a network that is trained"
        )
    best_method = np.argmax(np.stack(gains), axis=1)
    return Votes(
        layers=ballot.layers,
        votes=votes,
        batches=len(rows),
        skipped=skipped,
        settled=settled,
        frequency=leading_frequency(ballot.layers, rows, options),
        wins={name: int((best_method == row).sum()) for row, name in enumerate(ballot.methods)},
        mean_gains=dict(
            zip(ballot.methods, np.mean(np.stack(gains), axis=0).tolist(), strict=True)
        ),
        among=options.among,
    )


def is_settled(leaders: list[frozenset[int]], options: VotingOptions) -> bool:
    """Return whether the latest leading neurons are those of each of the last batches.

    Args:
        leaders: the leading neurons after each batch.
        options: ``window`` and ``agreement``.
    """
    if not options.window or len(leaders) <= options.window:
        return False
    now = leaders[-1]
    return all(
        len(now & then) >= options.agreement * len(now | then)
        for then in leaders[-options.window - 1 : -1]
    )


def leading_frequency(layers: Layers, rows: list[IntArray], options: VotingOptions) -> FloatArray:
    """Return how often each neuron leads in resamples of the batches, float64 ``[neurons]``.

    Args:
        layers: of the network.
        rows: the neurons that got points in each batch, the best first.
        options: of the count.
    """
    voted = np.unique(np.concatenate(rows))
    points = np.zeros((len(rows), len(voted)))
    for place, row in enumerate(rows):
        points[place, np.searchsorted(voted, row)] = _points(options.points, len(row))
    frequency = np.zeros(layers.neurons)
    random = generator(options.seed, "votes")
    for counts in resamples(random, len(rows), options.draws):
        for total in counts @ points:
            totals = np.zeros(layers.neurons)
            totals[voted] = total
            frequency[options.lead(layers, totals).neurons] += 1
    return frequency / options.draws


def _points(best: int, count: int) -> IntArray:
    return np.arange(best, best - count, -1, dtype=np.int64)
