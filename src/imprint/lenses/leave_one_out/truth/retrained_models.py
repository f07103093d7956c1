"""Models that were trained on different records of one set, and what they say of queries.

Two designs, and any mixture of them:

- random subsets, of which some may have been trained on several times; models without a pair;
- pairs of a model with a record and one without it, of the same start, all else being equal.

The effect of a record on a query is by how much it raises the output. Of pairs it is their mean
difference; of subsets the mean over models with the record less that over models without it
(Feldman and Zhang 2020). Either is a product A · outputs, A ``[r, K]``, so that an effect from half
of the models costs one product too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError

FEWEST_MODELS = 4
"""Fewer have no halves of two."""


@dataclass(frozen=True, eq=False)
class RetrainedModels:
    """K models, N records and Q queries.

    Attributes:
        outputs: float64 ``[K, Q]``, higher is better: the margin of the right class, or a value.
        members: bool ``[K, N]``, records that each model was trained on.
        correct: bool ``[K, Q]``, whether a model is right; None where that means nothing.
        pairs: int64 ``[P, 2]``, rows of a model with and one without a single record; None without.

    Raises:
        ImprintError: shapes that do not fit, too few models, or pairs that are none.
    """

    outputs: FloatArray
    members: BoolArray
    correct: BoolArray | None = None
    pairs: IntArray | None = None

    def __post_init__(self) -> None:
        count = len(self.members)
        if self.outputs.ndim != 2 or len(self.outputs) != count:
            raise ImprintError(
                f"outputs {list(self.outputs.shape)} and members {list(self.members.shape)} do not "
                "fit: give [K, Q] and [K, N]"
            )
        if count < FEWEST_MODELS:
            raise ImprintError(
                f"{count} retrained models are too few to compare anything with: give "
                f"{FEWEST_MODELS} or more"
            )
        if self.pairs is not None:
            removed_records(self.members, self.pairs)

    @property
    def in_pairs(self) -> BoolArray:
        """Which models belong to a pair, ``[K]``."""
        inside = np.zeros(len(self.members), dtype=bool)
        if self.pairs is not None:
            inside[self.pairs.ravel()] = True
        return inside

    @property
    def of_subsets(self) -> IntArray:
        """Rows of the models that belong to no pair: a pair differs by too little for subsets."""
        return np.flatnonzero(~self.in_pairs)


def removed_records(members: BoolArray, pairs: IntArray) -> IntArray:
    """Return the record that each pair differs by, int64 ``[P]``.

    >>> removed_records(np.array([[True, True], [True, False]]), np.array([[0, 1]])).tolist()
    [1]

    Raises:
        ImprintError: rows out of range, or models that do not differ by one record alone.
    """
    if pairs.min() < 0 or pairs.max() >= len(members):
        raise ImprintError(
            f"pairs name model {int(pairs.max())}, and there are {len(members)}, counted from 0"
        )
    removed = np.empty(len(pairs), dtype=np.int64)
    for place, (within, without) in enumerate(pairs.tolist()):
        differ = np.flatnonzero(members[within] != members[without])
        if len(differ) != 1 or not members[within, differ[0]]:
            raise ImprintError(
                f"pairs[{place}] names models {within} and {without}, which differ by "
                f"{len(differ)} records: the first must hold one record that the second lacks, "
                "and all others of it"
            )
        removed[place] = differ[0]
    return removed


def effect_records(models: RetrainedModels) -> IntArray:
    """Return the records whose effect the models show, int64 ``[r]``, rising."""
    if models.pairs is not None:
        return np.unique(removed_records(models.members, models.pairs))
    inside = models.members.sum(0)
    return np.flatnonzero((inside > 0) & (inside < len(models.members)))


def contrast(
    models: RetrainedModels, records: IntArray, kept: BoolArray | None = None
) -> tuple[FloatArray, BoolArray]:
    """Return A, and the records whose effect the models that are kept show.

    Args:
        models: of which pairs count alone where there are any.
        records: whose effects are wanted, of :func:`effect_records`, ``[r]``.
        kept: bool ``[K]``, models that are used; None for all.

    Returns:
        float64 ``[r, K]``, rows of 0 for records that are not shown, and bool ``[r]``.
    """
    count = len(models.members)
    used = np.ones(count, dtype=bool) if kept is None else kept
    weights = np.zeros((len(records), count))
    if models.pairs is None:
        inside = models.members[:, records].T
        sides: tuple[BoolArray, BoolArray] = (inside & used, ~inside & used)
        for sign, side in zip((1.0, -1.0), sides, strict=True):
            weights += sign * side / np.maximum(side.sum(1, keepdims=True), 1)
        shown = np.asarray(sides[0].any(axis=1) & sides[1].any(axis=1))
        weights[~shown] = 0
        return weights, shown
    removed = removed_records(models.members, models.pairs)
    usable = used[models.pairs].all(1)
    places = np.searchsorted(records, removed)
    wanted = usable & np.isin(removed, records)
    for place, (within, without) in zip(places[wanted], models.pairs[wanted], strict=True):
        weights[place, within] += 1
        weights[place, without] -= 1
    sizes = np.bincount(places[wanted], minlength=len(records))
    return weights / np.maximum(sizes, 1)[:, None], sizes > 0


def half_of_models(models: RetrainedModels, random: np.random.Generator) -> BoolArray:
    """Return a random half of the models, bool ``[K]``, pairs together.

    Pairs are halved by the model with the record, which pairs of other records may share: what all
    records owe to that model stays within one half.
    """
    count = len(models.members)
    half = np.zeros(count, dtype=bool)
    if models.pairs is None:
        half[random.permutation(count)[: count // 2]] = True
        return half
    within = np.unique(models.pairs[:, 0])
    chosen = random.permutation(within)[: len(within) // 2]
    half[chosen] = True
    half[models.pairs[np.isin(models.pairs[:, 0], chosen), 1]] = True
    return half


def subset_numbers(members: BoolArray) -> IntArray:
    """Return which of the different subsets each model was trained on, int64 ``[K]``."""
    packed = np.packbits(members, axis=1)
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def mean_by(numbers: IntArray, values: FloatArray) -> FloatArray:
    """Return means of rows of one number, ``[S, Q]`` of ``[K, Q]``."""
    sizes = np.bincount(numbers)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, numbers, values)
    return np.asarray(sums / np.maximum(sizes, 1)[:, None])


def column_ranks(values: FloatArray) -> FloatArray:
    """Return midranks down each column, ``[n, q]``."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=0))


def column_correlations(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return Pearson's correlation of each column with its like, 0 where one is constant, ``[q]``.

    >>> column_correlations(np.array([[1.0, 1], [2, 1]]), np.array([[2.0, 1], [4, 2]])).tolist()
    [1.0, 0.0]
    """
    first, second = one - one.mean(0), other - other.mean(0)
    together = (first * second).sum(0)
    spread = np.sqrt((first**2).sum(0) * (second**2).sum(0))
    # Rounding leaves a constant column some 1e-16 of its size.
    alive = np.minimum(_spread(one), _spread(other)) > 0
    correlations: FloatArray = np.divide(
        together, spread, out=np.zeros_like(together), where=alive & (spread > 0)
    )
    return correlations


def _spread(values: FloatArray) -> NDArray[np.float64]:
    return np.asarray(np.ptp(values, axis=0))
