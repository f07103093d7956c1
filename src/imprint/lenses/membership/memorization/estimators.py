"""Memorization and influence by the subsampled estimators of Feldman and Zhang (NeurIPS 2020).

With members M ∈ {0, 1}^{K×N} (record i trained model k) and correctness C of K models,

    mem_i  = mean of C_ki over models with i − mean of C_ki over models without i
    infl_ji = mean of D_kj over models with i − mean of D_kj over models without i

where C is measured on the records themselves and D on q test examples. All of it is matrix
products: with n_i models with i, out of K, and s_j = Σ_k D_kj,

    infl_ji = (DᵀM)_ji · (1/n_i + 1/(K − n_i)) − s_j / (K − n_i).

Counts are products of zeros and ones, exact in float32, so booleans cost half of float64 and lose
nothing. Time O(q N K), memory one tile. A record that every model saw, or none, has no estimate:
NaN, with the reason.

Standard errors are those of Agresti and Caffo (2000), one success and one failure added on either
side: they are never 0, as the plain ones are when all models agree. They take models as
independent, which holds for masks drawn independently; for masks that come in complementary pairs
it still holds for one record, whose pair puts one model on either side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_array, as_numbers

Correctness = NDArray[np.bool_] | NDArray[np.float64]

# 512² float64 stay in the cache: on one core a 4096² tile takes six times as long an entry.
TILE = 512
NEVER_IN = "in the training set of no model"
NEVER_OUT = "in the training set of every model"


@dataclass(frozen=True)
class Memorization:
    """How much better models do on a record that they were trained on.

    Attributes:
        score: float64 ``[N]`` in [−1, 1]; NaN where there is no estimate.
        error: float64 ``[N]``, standard error of ``score``; NaN where there is none.
        models_in: int64 ``[N]``, models trained on the record.
        models_out: int64 ``[N]``, models trained without it.
    """

    score: FloatArray
    error: FloatArray
    models_in: IntArray
    models_out: IntArray

    @property
    def missing(self) -> BoolArray:
        """Which records have no estimate, bool ``[N]``."""
        return np.asarray((self.models_in == 0) | (self.models_out == 0))

    @property
    def reason(self) -> NDArray[np.str_]:
        """Why a record has no estimate, str ``[N]``; empty where it has one."""
        return np.where(
            self.models_in == 0, NEVER_IN, np.where(self.models_out == 0, NEVER_OUT, "")
        )

    @property
    def error_bound(self) -> FloatArray:
        """The greatest standard error these counts allow, ½ √(1/in + 1/out), float64 ``[N]``.

        It needs no correctness, so it says beforehand how many models a study takes: 0.125 for 64
        models at inclusion ½, 0.024 for 2,000 at 0.7.
        """
        with np.errstate(divide="ignore"):
            bound = 0.5 * np.sqrt(1 / self.models_in + 1 / self.models_out)
        return np.where(self.missing, np.nan, bound)


@dataclass(frozen=True)
class InfluencePairs:
    """Training records that carry single test examples, strongest first.

    Attributes:
        train: int64 ``[p]``, index of the training record.
        test: int64 ``[p]``, index of the test example.
        influence: float64 ``[p]``, falling.
        memorization: float64 ``[p]``, of the training record.
        error: float64 ``[p]``, standard error of ``influence``; NaN if it was not given.
    """

    train: IntArray
    test: IntArray
    influence: FloatArray
    memorization: FloatArray
    error: FloatArray

    def __len__(self) -> int:
        return len(self.train)


def estimate_memorization(members: ArrayLike, correct: ArrayLike) -> Memorization:
    """Estimate the memorization of every record.

    >>> members = [[1, 1], [1, 0], [0, 1], [0, 1]]
    >>> estimate_memorization(members, [[1, 1], [1, 0], [0, 1], [1, 1]]).score.tolist()
    [0.5, 1.0]

    Args:
        members: bool ``[K, N]``, which records trained which model.
        correct: bool ``[K, N]``, which records each model gets right; or float in [0, 1], the
            probability it gives the true class.

    Raises:
        ImprintError: shapes differ, there is no model, or a value lies outside [0, 1].
    """
    inside = _membership(members)
    right = _correctness(correct, "correct", inside.shape[0])
    if right.shape != inside.shape:
        raise ImprintError(
            f"correct is {list(right.shape)} and members {list(inside.shape)}: "
            "both must be [models, records]"
        )
    models_in = inside.sum(axis=0, dtype=np.int64)
    models_out = len(inside) - models_in
    sum_in, total = np.zeros((2, inside.shape[1]))
    # Model by model, so that a record has the same bytes in every block of records.
    for members_of, right_of in zip(inside, right, strict=True):
        sum_in += members_of * right_of
        total += right_of
    sum_out = total - sum_in
    score = _difference(sum_in, models_in, sum_out, models_out)
    error = _difference_error(sum_in, models_in, sum_out, models_out)
    return Memorization(score, error, models_in, models_out)


def estimate_in_blocks(blocks: Iterable[tuple[ArrayLike, ArrayLike]]) -> Memorization:
    """Estimate the memorization of records that come a block at a time.

    The bytes are those of :func:`estimate_memorization` of all records at once; memory is one block
    and 32 bytes a record.

    Args:
        blocks: members and correct ``[K, n]`` of one block of records after the other, as there.

    Raises:
        ImprintError: as there, or there is no block.
    """
    parts = [estimate_memorization(members, correct) for members, correct in blocks]
    if not parts:
        raise ImprintError("no block of records was given: give one at least")
    return Memorization(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.error for part in parts]),
        np.concatenate([part.models_in for part in parts]),
        np.concatenate([part.models_out for part in parts]),
    )


def influence_tiles(
    members: ArrayLike, test_correct: ArrayLike, tile: int = TILE
) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Yield the influence of every record on every test example, tile by tile.

    Args:
        members: bool ``[K, N]``, which records trained which model.
        test_correct: bool ``[K, q]``, which test examples each model gets right; or float in
            [0, 1], the probability it gives the true class.
        tile: greatest side of a tile.

    Yields:
        Test examples, records (slices), and their influence, float64 ``[≤ tile, ≤ tile]`` in
        [−1, 1]; a column is NaN where its record has no estimate.

    Raises:
        ImprintError: as :func:`estimate_memorization`, or ``tile`` is not positive.
    """
    inside = _membership(members)
    right = _correctness(test_correct, "test_correct", len(inside))
    if tile < 1:
        raise ImprintError(f"a tile of side {tile} holds nothing: choose 1 or more")
    return _influence_tiles(inside, right, tile)


def _influence_tiles(
    inside: BoolArray, right: Correctness, tile: int
) -> Iterator[tuple[slice, slice, FloatArray]]:
    for tests, records in _tiles(right.shape[1], inside.shape[1], tile):
        sums = _sums(inside[:, records], right[:, tests])
        yield tests, records, _difference(*sums)


def _tiles(rows: int, columns: int, tile: int) -> Iterator[tuple[slice, slice]]:
    for start in range(0, columns, tile):
        for first in range(0, rows, tile):
            yield (
                slice(first, min(first + tile, rows)),
                slice(start, min(start + tile, columns)),
            )


def estimate_influence(members: ArrayLike, test_correct: ArrayLike) -> FloatArray:
    """Return the influence of every record on every test example, float64 ``[q, N]``.

    All at once: for q · N beyond some 10⁸ take :func:`influence_tiles` or :func:`top_pairs`.

    Args:
        members: bool ``[K, N]``.
        test_correct: bool or float ``[K, q]``, as for :func:`influence_tiles`.

    Raises:
        ImprintError: as :func:`influence_tiles`.
    """
    inside = _membership(members)
    right = _correctness(test_correct, "test_correct", len(inside))
    effect = np.empty((right.shape[1], inside.shape[1]))
    for tests, records, values in _influence_tiles(inside, right, TILE):
        effect[tests, records] = values
    return effect


def top_pairs(
    members: ArrayLike,
    correct: ArrayLike,
    test_correct: ArrayLike,
    labels: ArrayLike,
    test_labels: ArrayLike,
    memorization_cut: float = 0.25,
    influence_cut: float = 0.15,
) -> InfluencePairs:
    """Return the pairs of one class where a memorized record carries a test example.

    Only records from ``memorization_cut`` on, and only test examples of their class, are
    multiplied: for C classes at most 1/C of all products. The cuts are those of Feldman and
    Zhang, §3.2.

    Args:
        members: bool ``[K, N]``.
        correct: bool or float ``[K, N]``, on the records.
        test_correct: bool or float ``[K, q]``, on the test examples.
        labels: int ``[N]``, classes of the records.
        test_labels: int ``[q]``, classes of the test examples.
        memorization_cut: least memorization of the record.
        influence_cut: least influence of the pair.

    Returns:
        The pairs by falling influence; equal ones by test example, then by record.

    Raises:
        ImprintError: as :func:`estimate_memorization`, or labels do not fit.
    """
    inside = _membership(members)
    right = _correctness(test_correct, "test_correct", len(inside))
    record_class = _labels(labels, "labels", inside.shape[1])
    test_class = _labels(test_labels, "test_labels", right.shape[1])
    score = estimate_memorization(inside, correct).score
    memorized = score >= memorization_cut
    pairs = [np.empty((0, 4))]
    for label in np.intersect1d(record_class[memorized], test_class):
        records = np.flatnonzero(memorized & (record_class == label))
        tests = np.flatnonzero(test_class == label)
        for rows, columns in _tiles(len(tests), len(records), TILE):
            test, record = tests[rows], records[columns]
            row, column, values, errors = _pairs(inside[:, record], right[:, test], influence_cut)
            pairs.append(np.stack([test[row], record[column], values, errors], axis=1))
    test, train, strength, error = np.concatenate(pairs).T
    order = np.lexsort((train, test, -strength))
    train_index = train[order].astype(np.int64)
    return InfluencePairs(
        train_index, test[order].astype(np.int64), strength[order], score[train_index], error[order]
    )


def _pairs(
    inside: BoolArray, right: Correctness, cut: float
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return test example, record, influence and its error of the pairs from ``cut`` on."""
    sum_in, models_in, sum_out, models_out = _sums(inside, right)
    values = _difference(sum_in, models_in, sum_out, models_out)
    row, column = np.nonzero(values >= cut)
    errors = _difference_error(
        sum_in[row, column], models_in[column], sum_out[row, column], models_out[column]
    )
    return row, column, values[row, column], errors


def _sums(
    inside: BoolArray, right: Correctness
) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Return Σ correct ``[q, n]`` and models ``[n]``, with each record, then without it."""
    models_in = inside.sum(axis=0, dtype=np.int64)
    # In float32 a count is exact below 2^24 models; probabilities need float64.
    exact = np.float32 if right.dtype == np.bool_ else np.float64
    sum_in = (right.T.astype(exact) @ inside.astype(exact)).astype(np.float64)
    sum_out = right.sum(axis=0, dtype=np.float64)[:, None] - sum_in
    return sum_in, models_in, sum_out, len(inside) - models_in


def _difference(
    sum_in: FloatArray, models_in: IntArray, sum_out: FloatArray, models_out: IntArray
) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        score = sum_in / models_in
        score -= sum_out / models_out
    score[..., (models_in == 0) | (models_out == 0)] = np.nan
    return score


def _difference_error(
    sum_in: FloatArray, models_in: IntArray, sum_out: FloatArray, models_out: IntArray
) -> FloatArray:
    share_in = (sum_in + 1) / (models_in + 2)
    share_out = (sum_out + 1) / (models_out + 2)
    variance = share_in * (1 - share_in) / (models_in + 2)
    variance += share_out * (1 - share_out) / (models_out + 2)
    return np.where((models_in == 0) | (models_out == 0), np.nan, np.sqrt(variance))


def _membership(members: ArrayLike) -> BoolArray:
    array = as_array(members, "members")
    if array.ndim != 2 or array.shape[0] == 0:
        raise ImprintError(f"members is {list(array.shape)}: it must be [models, records]")
    if array.dtype == np.bool_:
        return array
    if array.dtype.kind not in "iuf" or not np.isin(array, (0, 1)).all():
        raise ImprintError("members holds other values than 0 and 1: give a boolean mask")
    return array.astype(np.bool_, copy=False)


def _correctness(values: ArrayLike, name: str, models: int) -> Correctness:
    """Return bool where every value is 0 or 1, else float64."""
    array = as_array(values, name)
    if array.ndim != 2 or len(array) != models:
        raise ImprintError(
            f"{name} is {list(array.shape)}: it must have a row for each of the {models} models"
        )
    if array.dtype == np.bool_:
        return array
    array = as_numbers(array, name)
    if not (np.isfinite(array).all() and np.all((array >= 0) & (array <= 1))):
        raise ImprintError(f"{name} must be true or false, or a probability in [0, 1]")
    if np.all((array == 0) | (array == 1)):
        return array.astype(np.bool_)
    return array.astype(np.float64)


def _labels(values: ArrayLike, name: str, count: int) -> IntArray:
    array = as_array(values, name)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ImprintError(
            f"{name} must be {count} integers, got {array.dtype} {list(array.shape)}"
        )
    return array.astype(np.int64)
