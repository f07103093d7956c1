"""Which records a membership audit attacks, and which it keeps as the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.membership.cohort.references import MIN_RECORDS


@dataclass(frozen=True, kw_only=True)
class RecordPool:
    """Indices of a set, each kind in rising order.

    Attributes:
        index: int64 ``[N]``, the records that are attacked.
        population: int64 ``[Q]``, records that no model was trained on and that are not attacked.
        centre_fraction: share of the shorter side that networks see of an image.
        copies: images that were left out as exact copies of others.
    """

    index: IntArray
    population: IntArray
    centre_fraction: float = 1.0
    copies: int = 0

    @property
    def every(self) -> IntArray:
        """Attacked records, then the population, int64 ``[N + Q]``."""
        return np.concatenate([self.index, self.population])


@dataclass(frozen=True, kw_only=True)
class AttackedRecords(RecordPool):
    """The pool of one network: indices of the joined set, members before non-members.

    Attributes:
        members: bool ``[N]``, whether the network was trained on each record.
        member_copies: copies of members among the non-members, which were left out.
    """

    members: BoolArray
    member_copies: int = 0


def choose_records(members: int, non_members: int, count: int, seed: int) -> AttackedRecords:
    """Return the attacked records and the population.

    A random half of the non-members is the population, disjoint from the attacked ones. With a
    ``count``, as many members as non-members are attacked, and at most as many are population.

    Args:
        members: how many there are; they come first in the joined set.
        non_members: how many there are.
        count: records to attack at most; 0 for all.
        seed: of every draw.

    Raises:
        ImprintError: too few images.
    """
    inside = generator(seed, "members").permutation(members)
    outside = members + generator(seed, "non-members").permutation(non_members)
    population, outside = outside[: non_members // 2], outside[non_members // 2 :]
    if count:
        half = min(count // 2, members, len(outside))
        inside, outside, population = inside[:half], outside[:half], population[:half]
    if len(inside) < 2 or len(outside) < 2 or not len(population):
        raise ImprintError(
            f"{members} members and {non_members} non-members are too few: at least 2 members and "
            "4 non-members are needed, and --records 4 or more"
        )
    index = np.concatenate([np.sort(inside), np.sort(outside)]).astype(np.int64)
    return AttackedRecords(
        index=index,
        population=np.sort(population).astype(np.int64),
        members=np.arange(len(index)) < len(inside),
    )


def choose_pool(count: int, records: int, population: float, seed: int) -> RecordPool:
    """Return the records of a cohort and the population, drawn at random.

    Args:
        count: images there are.
        records: to take at most; 0 for all that are not population.
        population: share of the images, in [0, 1).
        seed: of the draw.

    Raises:
        ImprintError: fewer records than a cohort needs.
    """
    order = generator(seed, "pool").permutation(count)
    apart = round(population * count)
    index = order[apart:][: records or count]
    if len(index) < MIN_RECORDS:
        raise ImprintError(
            f"{len(index)} records are too few for a cohort, which needs {MIN_RECORDS}: give "
            "more images or a smaller --population"
        )
    return RecordPool(
        index=np.sort(index).astype(np.int64), population=np.sort(order[:apart]).astype(np.int64)
    )
