"""What a cohort shows of memorization: how much, what correlates with it, and influence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import norm

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.membership.cohort.exposure import mean_over_members
from imprint.lenses.membership.cohort_findings import InfluenceFindings, MemorizationFindings
from imprint.lenses.membership.memorization.chance import (
    count_cases,
    memorized_by_chance,
)
from imprint.lenses.membership.memorization.estimators import (
    InfluencePairs,
    estimate_memorization,
    top_pairs,
)
from imprint.lenses.membership.study.records import RecordPool
from imprint.stats.correlation import spearman
from imprint.stats.crossed import crossed_reach
from imprint.stats.estimate import Estimate
from imprint.study.tables import write_table

MEMORIZATION_CUT, INFLUENCE_CUT = 0.25, 0.15
"""Of Feldman and Zhang (2020), §3.2; noise alone may need a higher cut of the influence."""
MAX_CHANCE_OF_NOISE = 0.05
DRAWS = 500


def find_memorization(
    masks: BoolArray,
    correct: BoolArray,
    correlation: Mapping[str, Estimate | Missing],
    influence: InfluenceFindings | Missing,
) -> MemorizationFindings:
    """Return how much the models memorized, and beside it correlation and influence."""
    memorized = estimate_memorization(masks, correct)
    known = int((~memorized.missing).sum())
    expected = memorized_by_chance(count_cases(masks, correct), MEMORIZATION_CUT)
    return MemorizationFindings(
        mean=_over_records_and_models(masks, correct, lambda score: score),
        share_memorized=_over_records_and_models(
            masks, correct, lambda score: (score >= MEMORIZATION_CUT).astype(np.float64)
        ),
        share_by_chance=expected / max(1, known),
        cut=MEMORIZATION_CUT,
        standard_error_bound=float(np.nanmax(memorized.error_bound)),
        missing=int(memorized.missing.sum()),
        correlation=correlation,
        influence=influence,
    )


def _over_records_and_models(
    masks: BoolArray, correct: BoolArray, of_score: Callable[[FloatArray], FloatArray]
) -> Estimate:
    """Return the mean of a function of the memorization scores, with its interval.

    Records share the models, each of which is left out in turn (:mod:`imprint.stats.crossed`).
    """
    models = np.arange(len(masks))

    def scores(rows: IntArray) -> FloatArray:
        return estimate_memorization(masks[rows], correct[rows]).score

    whole = scores(models)
    without = np.stack([scores(np.delete(models, row)) for row in models])
    known = np.isfinite(without).all(axis=0) & np.isfinite(whole)
    values = of_score(whole[np.isfinite(whole)])
    reach = float(crossed_reach(values, of_score(without[:, known])))
    value = float(values.mean())
    return Estimate(value, (max(-1.0, value - reach), min(1.0, value + reach)), len(values))


def find_correlations(
    masks: BoolArray,
    correct: BoolArray,
    curvature: FloatArray | None,
    score: Callable[[IntArray], Mapping[str, FloatArray]],
    seed: int,
) -> dict[str, Estimate | Missing]:
    """Return Spearman's correlation of memorization with curvature and with attack scores.

    Cross-fitted: memorization is that of one half of the models, the other quantity that of the
    other half, both ways, averaged. Of the same models both would hold the same noise, and an
    attack such as Watson's, which differs from the estimator of memorization in little but its
    unit, would go with memorization where nothing is memorized. Half of the models is noisier, so
    the values are lower than those of all models would be without that noise.

    Args:
        masks: bool ``[K, N]``, which model was trained on which record.
        correct: bool ``[K, N]``, which record each model gets right.
        curvature: its logarithm, float64 ``[K, N]``; None where it was not measured.
        score: attacks some models, the others being the references; ``[k, N]`` by name.
        seed: of the halves and the bootstrap.
    """
    order = generator(seed, "halves of the models").permutation(len(masks))
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    first, second = (
        _correlate_halves(masks, correct, curvature, *pair, score, seed)
        for pair in (halves, halves[::-1])
    )
    too_few = Missing("there are too few models")
    return {
        name: _average(first.get(name, too_few), second.get(name, too_few))
        for name in first | second
    }


def _correlate_halves(
    masks: BoolArray,
    correct: BoolArray,
    curvature: FloatArray | None,
    memorizing: IntArray,
    scoring: IntArray,
    score: Callable[[IntArray], Mapping[str, FloatArray]],
    seed: int,
) -> dict[str, Estimate | Missing]:
    memorized = estimate_memorization(masks[memorizing], correct[memorizing]).score
    inside = masks[scoring]
    others = {name: mean_over_members(values, inside) for name, values in score(scoring).items()}
    if curvature is not None:
        others["log_curvature_in"] = mean_over_members(curvature[scoring], inside)
        others["log_curvature_out"] = mean_over_members(curvature[scoring], ~inside)
    correlations: dict[str, Estimate | Missing] = {}
    for name, values in others.items():
        known = np.isfinite(memorized) & np.isfinite(values)
        random = generator(seed, "correlation", name)
        try:
            correlations[name] = spearman(memorized[known], values[known], random, DRAWS)
        except ImprintError as error:
            correlations[name] = Missing(str(error))
    return correlations


def _average(first: Estimate | Missing, second: Estimate | Missing) -> Estimate | Missing:
    """Return the mean of two estimates on the same records, with the mean of their intervals."""
    if isinstance(first, Missing) or isinstance(second, Missing):
        return first if isinstance(first, Missing) else second
    low, high = np.mean([first.ci95, second.ci95], axis=0)
    value = float(np.mean([first.value, second.value]))
    return Estimate(value, (float(low), float(high)), first.n)


def find_influences(
    masks: BoolArray,
    correct: BoolArray,
    population_correct: BoolArray,
    labels: IntArray,
    population_labels: IntArray,
) -> tuple[InfluencePairs, InfluenceFindings | Missing]:
    """Return the pairs that noise would hardly show, and how strong that is.

    Of n same-class pairs none of which has any influence, one is listed with a chance of at most
    ``MAX_CHANCE_OF_NOISE``: each must exceed so many of the greatest standard errors that its own
    record's counts allow.

    Args:
        masks: bool ``[K, N]``, which model was trained on which record.
        correct: bool ``[K, N]``, which record each model gets right.
        population_correct: bool ``[K, Q]``, which test example each model gets right.
        labels: int64 ``[N]``.
        population_labels: int64 ``[Q]``.
    """
    of_label = np.bincount(labels, minlength=int(population_labels.max(initial=0)) + 1)
    pairs = max(1, int(of_label[population_labels].sum()))
    errors = float(norm.isf(MAX_CHANCE_OF_NOISE / pairs))
    bound = estimate_memorization(masks, correct).error_bound
    top = top_pairs(
        masks,
        correct,
        population_correct,
        labels,
        population_labels,
        MEMORIZATION_CUT,
        INFLUENCE_CUT,
    )
    kept = top.influence >= errors * bound[top.train]
    top = InfluencePairs(
        top.train[kept],
        top.test[kept],
        top.influence[kept],
        top.memorization[kept],
        top.error[kept],
    )
    least = max(INFLUENCE_CUT, errors * float(np.nanmin(bound)))
    if least > 1:
        reason = (
            f"{len(masks)} models are too few: an influence would have to exceed "
            f"{least:.2f}, and none exceeds 1"
        )
        return top, Missing(reason)
    return top, InfluenceFindings(len(top), least, errors)


def write_pairs(path: Path, pool: RecordPool, pairs: InfluencePairs) -> None:
    """Write one row per pair: training record, test example, influence, the strongest first."""
    write_table(
        path,
        {
            "index": pool.index[pairs.train],
            "test_index": pool.population[pairs.test],
            "influence": pairs.influence,
            "standard_error": pairs.error,
            "memorization": pairs.memorization,
        },
    )
