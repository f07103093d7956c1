"""What a cohort shows of memorization: how much, what goes with it, and who is carried by whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.membership.cohort.exposure import mean_over_members
from imprint.lenses.membership.memorization.chance import (
    count_cases,
    memorized_by_chance,
)
from imprint.lenses.membership.memorization.estimators import (
    InfluencePairs,
    memorization,
    top_pairs,
)
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.trials import CURVATURE
from imprint.stats import Estimate, spearman
from imprint.stats.crossed import crossed_reach
from imprint.study.tables import write_table

MEMORIZATION_CUT, INFLUENCE_CUT = 0.25, 0.15
"""Of Feldman and Zhang (2020), §3.2; noise alone may ask for a higher cut of the influence."""
CHANCE_OF_NOISE = 0.05
DRAWS = 500


def memorization_findings(found: CohortAnswers, seed: int) -> dict[str, Any]:
    """Return the mean memorization and the share from the cut on, and what noise alone gives."""
    masks, correct = found.masks, found.correct()
    remembered = memorization(masks, correct)
    known = int((~remembered.missing).sum())
    expected = memorized_by_chance(count_cases(masks, correct), MEMORIZATION_CUT)
    return {
        "mean": _over_records_and_models(masks, correct, lambda score: score).to_dict(),
        "share_memorized": _over_records_and_models(
            masks, correct, lambda score: (score >= MEMORIZATION_CUT).astype(np.float64)
        ).to_dict(),
        "share_by_chance": expected / max(1, known),
        "cut": MEMORIZATION_CUT,
        "standard_error_bound": float(np.nanmax(remembered.error_bound)),
        "missing": int(remembered.missing.sum()),
    }


def _over_records_and_models(
    masks: BoolArray, correct: BoolArray, of_score: Callable[[FloatArray], FloatArray]
) -> Estimate:
    """Return the mean of a function of the memorization scores, with its interval.

    Records share the models, each of which is left out in turn (:mod:`imprint.stats.crossed`).
    """
    models = np.arange(len(masks))

    def scores(rows: IntArray) -> FloatArray:
        return memorization(masks[rows], correct[rows]).score

    every = scores(models)
    without = np.stack([scores(np.delete(models, row)) for row in models])
    known = np.isfinite(without).all(axis=0) & np.isfinite(every)
    values = of_score(every[np.isfinite(every)])
    reach = float(crossed_reach(values, of_score(without[:, known])))
    value = float(values.mean())
    return Estimate(value, (max(-1.0, value - reach), min(1.0, value + reach)), len(values))


def correlations(
    found: CohortAnswers, score: Callable[[IntArray], Mapping[str, FloatArray]], seed: int
) -> dict[str, Any]:
    """Return Spearman's correlation of memorization with curvature and with attack scores.

    Cross-fitted: memorization is that of one half of the models, the other quantity that of the
    other half, both ways, averaged. Of the same models both would hold the same noise, and an
    attack such as Watson's, which differs from the estimator of memorization in little but its
    unit, would go with memorization where nothing is memorized. Half of the models is noisier, so
    the values are lower than those of all models would be without that noise.

    Args:
        found: what the models say.
        score: attacks some models, judged by one another; ``[k, N]`` by name.
        seed: of the halves and the bootstrap.
    """
    order = generator(seed, "halves of the models").permutation(len(found.masks))
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    both = [
        _correlations_one_way(found, one, other, score, seed)
        for one, other in (halves, halves[::-1])
    ]
    shared = {}
    for name in both[0] | both[1]:
        pair = [way.get(name, "there are too few models") for way in both]
        reason = next((value for value in pair if isinstance(value, str)), None)
        known = [value for value in pair if isinstance(value, Estimate)]
        shared[name] = {"missing": reason} if reason is not None else _average(known).to_dict()
    return shared


def _correlations_one_way(
    found: CohortAnswers,
    remembering: IntArray,
    scoring: IntArray,
    score: Callable[[IntArray], Mapping[str, FloatArray]],
    seed: int,
) -> dict[str, Estimate | str]:
    memorized = memorization(found.masks[remembering], found.correct()[remembering]).score
    masks = found.masks[scoring]
    others = {name: mean_over_members(values, masks) for name, values in score(scoring).items()}
    if CURVATURE in found.models[0].target:
        curvature = np.stack([found.models[row].target[CURVATURE][0] for row in scoring])
        others["log_curvature_in"] = mean_over_members(curvature, masks)
        others["log_curvature_out"] = mean_over_members(curvature, ~masks)
    shown: dict[str, Estimate | str] = {}
    for name, values in others.items():
        known = np.isfinite(memorized) & np.isfinite(values)
        random = generator(seed, "correlation", name)
        try:
            shown[name] = spearman(memorized[known], values[known], random, DRAWS)
        except ImprintError as error:
            shown[name] = str(error)
    return shown


def _average(values: list[Estimate]) -> Estimate:
    """Return the mean of estimates on the same records, with the mean of their intervals."""
    value = float(np.mean([one.value for one in values]))
    low, high = np.mean([one.ci95 for one in values], axis=0)
    return Estimate(value, (float(low), float(high)), values[0].n)


def influences(found: CohortAnswers) -> tuple[InfluencePairs, dict[str, Any]]:
    """Return the pairs that noise would hardly show, and how strong that is.

    Of n same-class pairs none of which has any influence, one is listed with a chance of at most
    ``CHANCE_OF_NOISE``: each must exceed so many of the greatest standard errors that its own
    record's counts allow.
    """
    pool, labels = found.pool, found.labels
    counts = [
        np.bincount(labels[index], minlength=int(labels.max()) + 1)
        for index in (pool.index, pool.population)
    ]
    pairs = max(1, int((counts[0] * counts[1]).sum()))
    errors = float(norm.isf(CHANCE_OF_NOISE / pairs))
    bound = memorization(found.masks, found.correct()).error_bound
    top = top_pairs(
        found.masks,
        found.correct(),
        found.population_correct(),
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
            f"{len(found.masks)} models are too few: an influence would have to exceed "
            f"{least:.2f}, and none exceeds 1"
        )
        return top, {"missing": reason}
    return top, {"pairs": len(top), "least": least, "standard_errors": errors}


def write_pairs(path: Path, pool: Pool, pairs: InfluencePairs) -> None:
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
