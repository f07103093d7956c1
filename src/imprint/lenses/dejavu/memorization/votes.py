"""Votes of a crop's neighbours: a ranking of classes, and a confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError

ROWS_PER_TILE = 4096
NO_CLASS = -1


@dataclass(frozen=True)
class ClassVotes:
    """Ranked classes and confidence of every attacked crop.

    Attributes:
        ranked: int64 ``[n, t]``, the t most voted classes, most votes first; −1 where fewer than
            t classes have a vote. Equal votes: the class of the nearer neighbour goes first.
        confidence: float64 ``[n]``, minus the entropy of the vote in nats, from −ln k (all
            differ) to 0 (all agree); the largest logit where a classifier guesses by itself.
    """

    ranked: IntArray
    confidence: NDArray[np.float64]

    def hits(self, labels: IntArray, top: int = 1) -> NDArray[np.bool_]:
        """Return whether each label is among the ``top`` most voted classes, bool ``[n]``.

        Raises:
            ImprintError: ``top`` is below 1, or more classes than were ranked.
        """
        if not 1 <= top <= self.ranked.shape[1]:
            raise ImprintError(f"top is {top}: it must lie in 1…{self.ranked.shape[1]}")
        return np.asarray((self.ranked[:, :top] == labels[:, None]).any(axis=1))

    def rows(self, rows: NDArray[np.bool_] | IntArray) -> ClassVotes:
        """Return the votes of some rows."""
        return ClassVotes(self.ranked[rows], self.confidence[rows])


def vote(neighbour_labels: IntArray, classes: int, top: int = 5) -> ClassVotes:
    """Count the labels of each crop's neighbours.

    Args:
        neighbour_labels: int64 ``[n, k]``, nearest first, each in [0, ``classes``).
        classes: number of classes C.
        top: how many classes to rank.

    Raises:
        ImprintError: a label outside [0, C).
    """
    if (
        neighbour_labels.size
        and not 0 <= neighbour_labels.min() <= neighbour_labels.max() < classes
    ):
        raise ImprintError(
            f"labels of public images run from {neighbour_labels.min()} to "
            f"{neighbour_labels.max()}: they must lie in 0…{classes - 1}"
        )
    tiles = [
        _vote_tile(neighbour_labels[start : start + ROWS_PER_TILE], classes, min(top, classes))
        for start in range(0, max(1, len(neighbour_labels)), ROWS_PER_TILE)
    ]
    return ClassVotes(
        np.concatenate([ranked for ranked, _ in tiles]),
        np.concatenate([confidence for _, confidence in tiles]),
    )


def logit_votes(logits: NDArray[np.float32], top: int = 5) -> ClassVotes:
    """Return the ranking of a classifier itself, without neighbours.

    Args:
        logits: ``[n, C]``, of the attacked crops.
        top: how many classes to rank.

    Returns:
        Classes by logit, equal logits lower class first; the confidence is the largest logit.
    """
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :top]
    return ClassVotes(ranked.astype(np.int64), logits.max(axis=1).astype(np.float64))


def _vote_tile(labels: IntArray, classes: int, top: int) -> tuple[IntArray, NDArray[np.float64]]:
    rows, neighbours = labels.shape
    counts = np.zeros((rows, classes), dtype=np.int64)
    np.add.at(counts, (np.arange(rows)[:, None], labels), 1)
    nearest = np.full((rows, classes), neighbours, dtype=np.int64)
    # Assigned from the farthest to the nearest, so the nearest neighbour of a class stays.
    for place in range(neighbours - 1, -1, -1):
        nearest[np.arange(rows), labels[:, place]] = place
    order = counts * (neighbours + 1) - nearest
    best = np.argpartition(-order, top - 1, axis=1)[:, :top]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(order, best, 1), axis=1), 1)
    ranked = np.where(np.take_along_axis(counts, best, 1) > 0, best, NO_CLASS)
    support = np.take_along_axis(counts, labels, axis=1) / neighbours
    # Summed in the order of size: the same multiset of votes has the same entropy, bit for bit,
    # so that ties between images are ties.
    confidence = np.sort(np.log(support), axis=1).mean(axis=1)
    return ranked.astype(np.int64), confidence
