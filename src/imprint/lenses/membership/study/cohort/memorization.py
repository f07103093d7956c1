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
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.trials import CURVATURE
from imprint.stats.correlation import spearman
from imprint.stats.crossed import crossed_reach
from imprint.stats.estimate import Estimate
from imprint.study.tables import write_table

MEMORIZATION_CUT, INFLUENCE_CUT = 0.25, 0.15
"""Of Feldman and Zhang (2020), §3.2; noise alone may need a higher cut of the influence."""
MAX_CHANCE_OF_NOISE = 0.05
DRAWS = 500


def find_memorization(
    answers: CohortAnswers,
    correlation: Mapping[str, Estimate | Missing],
    influence: InfluenceFindings | Missing,
) -> MemorizationFindings:
    """Return how much the models memorized, and beside it correlation and influence."""
    masks, correct = answers.masks, answers.correct()
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
    answers: CohortAnswers, score: Callable[[IntArray], Mapping[str, FloatArray]], seed: int
) -> dict[str, Estimate | Missing]:
    """Return Spearman's correlation of memorization with curvature and with attack scores.

    Cross-fitted: memorization is that of one half of the models, the other quantity that of the
    other half, both ways, averaged. Of the same models both would hold the same noise, and an
    attack such as Watson's, which differs from the estimator of memorization in little but its
    unit, would go with memorization where nothing is memorized. Half of the models is noisier, so
    the values are lower than those of all models would be without that noise.

    Args:
        answers: of the models.
        score: attacks some models, the others being the references; ``[k, N]`` by name.
        seed: of the halves and the bootstrap.
    """
    order = generator(seed, "halves of the models").permutation(len(answers.masks))
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    first, second = (
        _correlate_halves(answers, *pair, score, seed) for pair in (halves, halves[::-1])
    )
    too_few = Missing("there are too few models")
    return {
        name: _average(first.get(name, too_few), second.get(name, too_few))
        for name in first | second
    }


def _correlate_halves(
    answers: CohortAnswers,
    memorizing: IntArray,
    scoring: IntArray,
    score: Callable[[IntArray], Mapping[str, FloatArray]],
    seed: int,
) -> dict[str, Estimate | Missing]:
    memorized = estimate_memorization(
        answers.masks[memorizing], answers.correct()[memorizing]
    ).score
    masks = answers.masks[scoring]
    others = {name: mean_over_members(values, masks) for name, values in score(scoring).items()}
    if CURVATURE in answers.models[0].target:
        curvature = np.stack([answers.models[row].target[CURVATURE][0] for row in scoring])
        others["log_curvature_in"] = mean_over_members(curvature, masks)
        others["log_curvature_out"] = mean_over_members(curvature, ~masks)
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
    answers: CohortAnswers,
) -> tuple[InfluencePairs, InfluenceFindings | Missing]:
    """Return the pairs that noise would hardly show, and how strong that is.

    Of n same-class pairs none of which has any influence, one is listed with a chance of at most
    ``MAX_CHANCE_OF_NOISE``: each must exceed so many of the greatest standard errors that its own
    record's counts allow.
    """
    pool, labels = answers.pool, answers.labels
    counts = [
        np.bincount(labels[index], minlength=int(labels.max()) + 1)
        for index in (pool.index, pool.population)
    ]
    pairs = max(1, int((counts[0] * counts[1]).sum()))
    errors = float(norm.isf(MAX_CHANCE_OF_NOISE / pairs))
    bound = estimate_memorization(answers.masks, answers.correct()).error_bound
    top = top_pairs(
        answers.masks,
        answers.correct(),
        answers.population_correct(),
        labels[pool.index],
        labels[pool.population],
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
            f"{len(answers.masks)} models are too few: an influence would have to exceed "
            f"{least:.2f}, and none exceeds 1"
        )
        return top, Missing(reason)
    return top, InfluenceFindings(len(top), least, errors)


def write_pairs(path: Path, pool: RecordPool, pairs: InfluencePairs) -> None:
    """Write a row a pair: training record, test example, influence, the strongest first."""
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
