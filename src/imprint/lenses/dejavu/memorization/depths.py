"""One representation of an encoder: what a probe, neighbours and the attack make of members.

The gap between the accuracy on members and on non-members, three times: of a linear probe on whole
images, which is the usual sign of overfitting; of the nearest members on whole images, each member
without itself; and of the déjà vu attack, the nearest public images of a background crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.depth_findings import MemberGap
from imprint.lenses.dejavu.memorization.attack import Metric
from imprint.lenses.dejavu.memorization.votes import vote
from imprint.neighbors.nearest import nearest
from imprint.stats.proportion import proportion
from imprint.stats.share_gap import share_gap
from imprint.study.counted import uncounted

TOP = 5
ROWS_PER_TILE = 4096


@dataclass(frozen=True)
class NeighbourChoice:
    """How neighbours vote.

    Attributes:
        k: how many.
        metric: their distance.
        device: where they are searched.
    """

    k: int
    metric: Metric = "l2"
    device: DeviceName = uncounted(default="auto")


def member_gap(members: BoolArray, non_members: BoolArray) -> MemberGap:
    """Return accuracies and their gap, from what was right.

    Args:
        members: bool ``[n]``, n ≥ 1, whether each member was named correctly.
        non_members: bool ``[m]``, m ≥ 1, likewise.
    """
    counts = [(int(right.sum()), len(right)) for right in (members, non_members)]
    return MemberGap(proportion(*counts[0]), proportion(*counts[1]), share_gap(*counts))


def neighbour_hits(
    queries: NDArray[np.float32],
    query_labels: IntArray,
    base: NDArray[np.float32],
    base_labels: IntArray,
    classes: int,
    choice: NeighbourChoice,
) -> BoolArray:
    """Return whether the k nearest base vectors name the class of each query, bool ``[q]``."""
    rows = nearest(queries, base, choice.k, choice.metric, choice.device).indices
    return vote(base_labels[rows], classes, top=1).hits(query_labels)


def own_neighbour_hits(
    rows: NDArray[np.float32], labels: IntArray, classes: int, choice: NeighbourChoice
) -> BoolArray:
    """Return whether the k nearest *other* vectors name the class of each vector, bool ``[n]``.

    Raises:
        ImprintError: not more than k vectors.
    """
    if choice.k >= len(rows):
        raise ImprintError(
            f"k is {choice.k}, but each of {len(rows)} members has {len(rows) - 1} others: choose "
            "a smaller k"
        )
    near = nearest(rows, rows, choice.k + 1, choice.metric, choice.device).indices
    return vote(labels[without_own(near)], classes, top=1).hits(labels)


def without_own(neighbours: IntArray) -> IntArray:
    """Return neighbours ``[n, k]`` of row i among the rows, without i, from ``[n, k + 1]``.

    Among k + 2 equal rows or more a row may not be its own neighbour; then the last one goes.

    >>> without_own(np.array([[0, 2, 1], [2, 0, 1], [0, 1, 3]])).tolist()
    [[2, 1], [2, 0], [0, 1]]
    """
    own = neighbours == np.arange(len(neighbours))[:, None]
    own[~own.any(axis=1), -1] = True
    return np.asarray(neighbours[~own].reshape(len(neighbours), -1))


def probe_hits(
    weight: NDArray[Any], bias: NDArray[Any], rows: NDArray[np.float32], labels: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Return whether a linear classifier is right, and whether among its five best, bool ``[n]``.

    Args:
        weight: ``[C, d]``.
        bias: ``[C]``.
        rows: ``[n, d]``; a memory map is fine.
        labels: int64 ``[n]``.
    """
    top = min(TOP, len(weight))
    first, among = np.empty(len(rows), dtype=bool), np.empty(len(rows), dtype=bool)
    for start in range(0, len(rows), ROWS_PER_TILE):
        tile = slice(start, start + ROWS_PER_TILE)
        logits = np.asarray(rows[tile]) @ weight.T + bias
        best = np.argsort(-logits, axis=1, kind="stable")[:, :top]
        hits = best == labels[tile, None]
        first[tile], among[tile] = hits[:, 0], hits.any(axis=1)
    return first, among
