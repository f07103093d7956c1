"""How well a table of influences predicts retrained models.

An influence table ``[N, Q]`` says by how much each record raises the output of each query: the
margin of the right class, or a value. (A fall of the loss has the same sign.) Three measures:

- **linear datamodeling score** (LDS): for each query, the rank correlation over subsets of the
  output of models trained on a subset with the sum of the influences of its records; the mean over
  queries (Park, Georgiev, Ilyas, Leclerc, Madry, "TRAK", 2023, definition 2.4);
- **leave-one-out correlation**: for each query, the correlation over records of influence and
  effect (:mod:`imprint.lenses.leave_one_out.truth.retrained_models`); the mean over queries;
- **accuracy drop**: for each query, how much rarer models are right that hold few of its k most
  helpful records than those that hold many of them. It is what removing these records does to the
  predictions, read from subsets that others drew.

Intervals are over queries and over what each query is measured with, subsets or records
(:mod:`imprint.stats.crossed`). A **ceiling** is the mean correlation that the true effects could
reach with models so few, from random halves of them: (2ρ/(1 + ρ))^½ (Spearman 1910, Brown 1910).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth.retrained_models import (
    RetrainedModels,
    column_correlations,
    column_ranks,
    contrast,
    effect_records,
    half_of_models,
    mean_by,
    subset_numbers,
)
from imprint.stats.crossed import crossed_reach
from imprint.stats.estimate import Estimate

GROUPS = 20
"""Of subsets or records, each left out in turn."""
SPLITS = 10
"""Random halvings of the models, averaged."""
MOST_RECORDS = 4000
"""Records whose effects are correlated; of more a random sample."""
FEWEST_SUBSETS = 3
FEWEST_RECORDS = 3

Correlate = Callable[[IntArray], FloatArray]


def subset_score(
    table: FloatArray, models: RetrainedModels, random: np.random.Generator
) -> Estimate:
    """Return the linear datamodeling score of a table with its interval.

    Args:
        table: ``[N, Q]``.
        models: those of subsets, the outputs of one subset averaged.
        random: draws the groups of subsets.

    Raises:
        ImprintError: fewer than 3 different subsets, or fewer than 2 queries.
    """
    inside, outputs = _subsets(models)
    predicted = inside.astype(np.float64) @ table
    return _mean_of_columns(
        lambda rows: _rank_correlations(predicted[rows], outputs[rows]), len(inside), random
    )


def subset_ceiling(models: RetrainedModels, random: np.random.Generator) -> Estimate:
    """Return what the score of the true effects could reach with so many models a subset.

    Raises:
        ImprintError: as :func:`subset_score`, or subsets that were trained on once.
    """
    rows = models.of_subsets
    _check_subsets(len(rows))
    numbers = subset_numbers(models.members[rows])
    several = np.bincount(numbers) >= 2
    if several.sum() < FEWEST_SUBSETS:
        raise ImprintError("needs 3 subsets that two or more models were trained on")
    kept = several[numbers]
    numbers = np.unique(numbers[kept], return_inverse=True)[1].reshape(-1)
    outputs = models.outputs[rows][kept]
    halves = [_halved_means(numbers, outputs, random) for _ in range(SPLITS)]
    count = int(several.sum())
    return _ceiling(halves, count, random)


def leave_one_out_correlation(
    table: FloatArray,
    models: RetrainedModels,
    random: np.random.Generator,
    ranked: bool = True,
) -> Estimate:
    """Return the mean correlation of influences with measured effects, with its interval.

    Args:
        table: ``[N, Q]``.
        models: their effects.
        random: draws records, where there are many, and groups of them.
        ranked: Spearman's coefficient; otherwise Pearson's.

    Raises:
        ImprintError: fewer than 3 records with an effect, or fewer than 2 queries.
    """
    records = _sampled_records(models, random)
    weights, _ = contrast(models, records)
    effects, estimates = weights @ models.outputs, table[records]
    correlate = _rank_correlations if ranked else column_correlations
    return _mean_of_columns(
        lambda rows: correlate(estimates[rows], effects[rows]), len(records), random
    )


def leave_one_out_ceiling(
    models: RetrainedModels, random: np.random.Generator, ranked: bool = True
) -> Estimate:
    """Return what the correlation of the true effects could reach with so many models.

    Raises:
        ImprintError: as :func:`leave_one_out_correlation`, or models that have no halves.
    """
    records = _sampled_records(models, random)
    halves = []
    for _ in range(SPLITS):
        half = half_of_models(models, random)
        parts = [contrast(models, records, kept) for kept in (half, ~half)]
        shown = parts[0][1] & parts[1][1]
        halves.append([(weights @ models.outputs)[shown] for weights, _ in parts])
    fewest = min(len(one) for one, _ in halves)
    if fewest < FEWEST_RECORDS:
        raise ImprintError("needs 3 records with two or more pairs of models each")
    # Halves may show different records: draws of groups are over as many as all of them show.
    halves = [[part[:fewest] for part in half] for half in halves]
    return _ceiling(halves, fewest, random, ranked)


def accuracy_drop(
    table: FloatArray, models: RetrainedModels, top: int, random: np.random.Generator
) -> Estimate:
    """Return how much rarer models are right without the most helpful records, with its interval.

    For each query models are ordered by how many of its ``top`` most helpful records they hold; the
    accuracy of the third that holds fewest is taken from that of the third that holds most. Equal
    counts are ordered at random.

    Args:
        table: ``[N, Q]``.
        models: those of subsets.
        top: k.
        random: orders equal counts, and draws groups of subsets.

    Raises:
        ImprintError: no classes, fewer than 3 subsets, or more records asked for than there are.
    """
    if models.correct is None:
        raise ImprintError("needs classes of the queries")
    inside, _ = _subsets(models)
    if not 0 < top < len(table):
        raise ImprintError(f"{top} most helpful of {len(table)} records: choose fewer")
    rows = models.of_subsets
    numbers = subset_numbers(models.members[rows])
    right = mean_by(numbers, models.correct[rows].astype(np.float64))
    strongest = np.argpartition(-table, top - 1, axis=0)[:top]
    held = np.stack([inside[:, column].sum(1) for column in strongest.T], axis=1)
    ordered = held + 0.5 * random.random(held.shape)
    return _mean_of_columns(lambda part: _drop(ordered[part], right[part]), len(inside), random)


def random_drop(models: RetrainedModels, top: int, random: np.random.Generator) -> Estimate:
    """Return the accuracy drop of records drawn at random for each query: the control, about 0.

    Raises:
        ImprintError: as :func:`accuracy_drop`.
    """
    table = random.random((models.members.shape[1], models.outputs.shape[1]))
    return accuracy_drop(table, models, top, random)


def _subsets(models: RetrainedModels) -> tuple[BoolArray, FloatArray]:
    """Return the different subsets ``[S, N]`` and the mean outputs of their models ``[S, Q]``."""
    rows = models.of_subsets
    _check_subsets(len(rows))
    members = models.members[rows]
    numbers = subset_numbers(members)
    first = np.unique(numbers, return_index=True)[1]
    _check_subsets(len(first))
    return members[first], mean_by(numbers, models.outputs[rows])


def _check_subsets(count: int) -> None:
    if count < FEWEST_SUBSETS:
        raise ImprintError(
            f"{count} different subsets give no rank correlation: train on 3 or more"
        )


def _sampled_records(models: RetrainedModels, random: np.random.Generator) -> IntArray:
    records = effect_records(models)
    if len(records) < FEWEST_RECORDS:
        raise ImprintError(
            f"{len(records)} records that models were trained with and without: 3 are needed"
        )
    if len(records) <= MOST_RECORDS:
        return records
    return np.sort(random.permutation(records)[:MOST_RECORDS])


def _halved_means(
    numbers: IntArray, outputs: FloatArray, random: np.random.Generator
) -> list[FloatArray]:
    """Return means of random halves of the models of each subset, two of ``[S, Q]``."""
    order = random.permutation(len(numbers))
    order = order[np.argsort(numbers[order], kind="stable")]
    starts = np.searchsorted(numbers[order], np.arange(numbers.max() + 1))
    within = np.arange(len(order)) - starts[numbers[order]]
    sizes = np.bincount(numbers)[numbers[order]] // 2
    sides = (within < sizes, (within >= sizes) & (within < 2 * sizes))
    return [mean_by(numbers[order[side]], outputs[order[side]]) for side in sides]


def _ceiling(
    halves: list[list[FloatArray]],
    count: int,
    random: np.random.Generator,
    ranked: bool = True,
) -> Estimate:
    correlate = _rank_correlations if ranked else column_correlations

    def agreement(rows: IntArray) -> FloatArray:
        agreements = [correlate(one[rows], other[rows]) for one, other in halves]
        return np.asarray(np.mean(agreements, axis=0))

    estimate = _mean_of_columns(agreement, count, random)
    value, low, high = (_reach_of_all(each) for each in (estimate.value, *estimate.ci95))
    return Estimate(value, (low, high), estimate.n)


def _reach_of_all(agreement: float) -> float:
    """Return the root of the reliability of all from the agreement of halves; 0 without any."""
    bounded = min(max(agreement, 0.0), 1.0)
    return float(np.sqrt(2 * bounded / (1 + bounded)))


def _mean_of_columns(correlate: Correlate, count: int, random: np.random.Generator) -> Estimate:
    """Return the mean over queries of what rows 0 to ``count`` of each give."""
    values = correlate(np.arange(count))
    if len(values) < 2:
        raise ImprintError("one query has no interval over queries: give 2 or more")
    gone = np.array_split(random.permutation(count), min(GROUPS, count - FEWEST_SUBSETS + 1))
    if len(gone) < 2:
        less = np.stack([values, values])
    else:
        every = np.arange(count)
        less = np.stack([correlate(np.delete(every, part)) for part in gone])
    middle, reach = float(values.mean()), float(crossed_reach(values, less))
    return Estimate(middle, (max(-1.0, middle - reach), min(1.0, middle + reach)), len(values))


def _rank_correlations(one: FloatArray, other: FloatArray) -> FloatArray:
    return column_correlations(column_ranks(one), column_ranks(other))


def _drop(held: FloatArray, right: FloatArray) -> FloatArray:
    """Return accuracy of the third that holds most less that of the third that holds fewest."""
    third = max(1, len(held) // 3)
    order = np.argsort(held, axis=0)
    ordered = np.take_along_axis(right, order, axis=0)
    return np.asarray(ordered[-third:].mean(0) - ordered[:third].mean(0))
