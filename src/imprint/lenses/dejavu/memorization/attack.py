"""From embeddings to votes: the nearest public images of each crop vote for its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.votes import ClassVotes, vote
from imprint.neighbors.nearest import nearest
from imprint.stats.estimate import Estimate

Metric = Literal["l2", "cosine"]


@dataclass(frozen=True)
class CropGuesses:
    """Guesses of one model about a set of crops.

    Attributes:
        votes: ranked classes and confidences.
        neighbours: int64 ``[n, k]``, global indices of public images, nearest first.
        neighbour_labels: int64 ``[n, k]``.
        recall: share of the k nearest that an approximate search found; None of an exact one.
    """

    votes: ClassVotes
    neighbours: IntArray
    neighbour_labels: IntArray
    recall: Estimate | None = None


def attack(
    crops: NDArray[np.float32],
    public: NDArray[np.float32],
    public_index: IntArray,
    public_labels: IntArray,
    classes: int,
    k: int = 100,
    voting: int | None = None,
    metric: Metric = "l2",
    device: DeviceName = "auto",
) -> CropGuesses:
    """Guess the class of each crop from its k nearest public images.

    Args:
        crops: ``[n, d]``, embeddings of background crops.
        public: ``[M, d]``, embeddings of public images under the same model.
        public_index: int64 ``[M]``, global indices of the public images.
        public_labels: int64 ``[M]``.
        classes: number of classes.
        k: neighbours to search.
        voting: how many of them vote; all when None.
        metric: ``l2`` on the embeddings as they are (as published), or ``cosine``.
        device: where neighbours are searched.

    Raises:
        ImprintError: shapes do not fit, k exceeds M, ``voting`` exceeds k, an embedding is not
            finite, or this machine lacks the device.
    """
    if len(public) != len(public_labels):
        raise ImprintError(
            f"{len(public)} public embeddings need as many labels, got {len(public_labels)}"
        )
    if voting is not None and not 1 <= voting <= k:
        raise ImprintError(f"voting must be from 1 to the {k} neighbours searched, got {voting}")
    rows = nearest(crops, public, k, metric=metric, device=device).indices
    return guesses_of(rows, public_index, public_labels, classes, voting)


def guesses_of(
    rows: IntArray,
    public_index: IntArray,
    public_labels: IntArray,
    classes: int,
    voting: int | None = None,
    recall: Estimate | None = None,
) -> CropGuesses:
    """Return the guesses of neighbours that were searched.

    Args:
        rows: int64 ``[n, k]``, of public images, nearest first.
        public_index: as of :func:`attack`, like labels, classes and voting.
        public_labels: int64 ``[M]``.
        classes: number of classes.
        voting: how many neighbours vote.
        recall: of an approximate search.
    """
    labels = public_labels[rows]
    votes = vote(labels[:, :voting], classes)
    return CropGuesses(votes, public_index[rows], labels, recall)
