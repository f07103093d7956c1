"""What a cohort shows: every attack on every model, and the memorization of every record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from imprint.audit.membership_records import Pool
from imprint.audit.membership_signals import Answers, evidence
from imprint.audit.membership_trials import CURVATURE, Trial, attack_queries, list_trials
from imprint.errors import ImprintError
from imprint.membership.attack import Attack, Evidence
from imprint.membership.cohort import Cohort, References
from imprint.membership.cohort_exposure import (
    mean_curve,
    mean_over_members,
    mean_overlaps,
    times_found,
)
from imprint.membership.controls import other_membership, permuted_membership, untrained_target
from imprint.membership.evaluation import evaluate_cohort
from imprint.membership.memorization import InfluencePairs, Memorization, memorization, top_pairs
from imprint.membership.moments import BoolArray, FloatArray
from imprint.membership.options import AttackOptions
from imprint.membership.run import attack_cohort, cohort_target
from imprint.report.membership_findings import best_attack
from imprint.seeds import generator
from imprint.stats import mean, spearman
from imprint.store import write_json
from imprint.tables import write_table

IntArray = NDArray[np.int64]

OFTEN_ALLOWED = 0.01
CURVE_POINTS = 241
MEMORIZATION_CUT, INFLUENCE_CUT = 0.25, 0.15
"""Of Feldman and Zhang (2020), §3.2; noise alone may ask for a higher cut of the influence."""
CHANCE_OF_NOISE = 0.05
DRAWS = 500


@dataclass(frozen=True)
class CohortAnswers:
    """What the models of a cohort say, and who was trained on what.

    Attributes:
        models: answers of each.
        untrained: of a network that learnt nothing; None runs no controls.
        masks: bool ``[K, N]``.
        pool: records and population.
        labels: int64, of the whole set.
        queries: answers of a network one view of a record costs, by kind of signal.
    """

    models: Sequence[Answers]
    untrained: Answers | None
    masks: BoolArray
    pool: Pool
    labels: IntArray
    queries: Mapping[str, int]

    def cohort(self) -> Cohort:
        """Return the models as references of one another."""
        references = evidence(self.models[0], self.models, self.masks).references
        assert references is not None
        return references.cohort

    def correct(self) -> BoolArray:
        """Return which records each model gets right, ``[K, N]``."""
        return np.stack([model.correct for model in self.models])

    def population_correct(self) -> BoolArray:
        """Return which population records each model gets right, ``[K, Q]``."""
        return np.stack([model.population_correct for model in self.models])


def find_cohort(
    folder: Path,
    found: CohortAnswers,
    attacks: Sequence[Attack],
    options: AttackOptions,
    seed: int,
) -> None:
    """Attack every model and estimate memorization; write tables and ``findings.json``.

    Writes ``NAME.parquet`` an attack (``index``, ``score [K]``, ``member [K]``), ``curves.parquet``
    (mean true positive rates), ``records.parquet``, ``influence.parquet``.

    Args:
        folder: where to; made here.
        found: what the models say.
        attacks: which to run; those that lack what they need are skipped with the reason.
        options: of the attacks.
        seed: of halves, controls and bootstraps.

    Raises:
        ImprintError: no attack can be run.
    """
    folder.mkdir(exist_ok=True)
    scores, findings = _attack(found, attacks, options, seed)
    best, least = best_attack(findings["attacks"])
    allowed = max(OFTEN_ALLOWED, float(least or 0))
    remembered = memorization(found.masks, found.correct())
    for name, values in scores.items():
        columns = {"index": found.pool.index, "score": values.T, "member": found.masks.T}
        write_table(folder / f"{name}.parquet", columns)
    _write_curves(folder / "curves.parquet", scores, found.masks)
    records = _records(found, remembered, scores[best], allowed)
    write_table(folder / "records.parquet", records)
    pairs, cut = _influences(found)
    _write_pairs(folder / "influence.parquet", found.pool, pairs)
    findings |= {
        "best": best,
        "cohort": {
            "models": len(found.masks),
            "records": found.masks.shape[1],
            "population": len(found.pool.population),
            "accuracy": _accuracies(found),
            "found_at_fpr": allowed,
        },
        "agreement": {
            "attacks": list(scores),
            "overlap": mean_overlaps(scores).tolist(),
        },
        "memorization": {
            **_memorization(remembered, seed),
            "correlation": _correlations(remembered.score, records, scores, found.masks, seed),
            "influence": {"pairs": len(pairs), "cut": cut},
        },
    }
    write_json(folder / "findings.json", findings)


def _attack(
    found: CohortAnswers, attacks: Sequence[Attack], options: AttackOptions, seed: int
) -> tuple[dict[str, FloatArray], dict[str, Any]]:
    """Return the scores float64 ``[K, N]`` by trial, and what they show."""
    whole = found.cohort()
    others = {"mentr": np.stack([model.target["mentr"] for model in found.models])}
    cohorts = {frozenset(): whole, frozenset([CURVATURE]): whole.only([CURVATURE])}
    scores, shown, skipped = {}, {}, {}
    for trial in list_trials(attacks, cohort_target(whole, 0, others)):
        cohort, attack = cohorts[trial.kinds], trial.attack
        extra = {} if trial.kinds else others
        scored = attack_cohort(cohort, [attack], options, extra)
        if attack.name in scored.skipped:
            skipped[trial.name] = scored.skipped[attack.name]
            continue
        scores[trial.name] = scored.scores[attack.name]
        kind, first = scored.reads[attack.name], cohort_target(cohort, 0, extra)
        shown[trial.name] = {
            **evaluate_cohort(scores[trial.name], found.masks, seed=seed).to_dict(),
            "reads": kind,
            "queries": attack_queries(attack, kind, first, found.queries),
        }
        if found.untrained is not None:
            shown[trial.name]["controls"] = _controls(trial, cohort, extra, found, options, seed)
    if not scores:
        told = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ImprintError(f"no attack can be run: {told}")
    return scores, {"attacks": shown, "skipped": skipped}


def _controls(
    trial: Trial,
    cohort: Cohort,
    others: Mapping[str, FloatArray],
    found: CohortAnswers,
    options: AttackOptions,
    seed: int,
) -> dict[str, Any]:
    """Return the controls of one attack, on the first model of the cohort."""
    assert found.untrained is not None
    attack, members = trial.attack, found.masks[0]
    first = cohort_target(cohort, 0, others)
    blank = Evidence(found.untrained.target, References(cohort, 0), found.untrained.population)
    done = {
        "untrained": untrained_target(trial.shown(blank), members, attack, options),
        "permuted_membership": permuted_membership(first, members, attack, options, seed),
        "other_membership": other_membership(cohort, 0, 1, attack, options, others, seed),
    }
    return {name: control.to_dict() for name, control in done.items() if control is not None}


def _write_curves(path: Path, scores: Mapping[str, FloatArray], masks: BoolArray) -> None:
    least = 1 / int((~masks).sum(axis=1).min())
    rates = np.unique(np.append(np.geomspace(least, 1, CURVE_POINTS), [0.1, 0.01, 0.001]))
    rates = rates[rates >= least]
    curves = {name: mean_curve(values, masks, rates) for name, values in scores.items()}
    write_table(path, {"index": np.arange(len(rates)), "fpr": rates, **curves})


def _records(
    found: CohortAnswers, remembered: Memorization, best: FloatArray, allowed: float
) -> dict[str, NDArray[Any]]:
    """Return a row a record: its memorization, how often it is found, its curvature."""
    right = found.correct().astype(np.float64)
    columns: dict[str, NDArray[Any]] = {
        "index": found.pool.index,
        "memorization": remembered.score,
        "standard_error": remembered.error,
        "models_in": remembered.models_in,
        "models_out": remembered.models_out,
        "accuracy_in": mean_over_members(right, found.masks),
        "accuracy_out": mean_over_members(right, ~found.masks),
        "times_found": times_found(best, found.masks, allowed),
    }
    if CURVATURE in found.models[0].target:
        curvature = np.stack([model.target[CURVATURE][0] for model in found.models])
        columns["log_curvature_in"] = mean_over_members(curvature, found.masks)
        columns["log_curvature_out"] = mean_over_members(curvature, ~found.masks)
    return columns


def _accuracies(found: CohortAnswers) -> dict[str, Any]:
    right, apart = found.correct(), found.population_correct()
    return {
        "members": float(right[found.masks].mean()),
        "non_members": float(right[~found.masks].mean()),
        "population": float(apart.mean()) if apart.size else {"missing": "there is none"},
    }


def _memorization(remembered: Memorization, seed: int) -> dict[str, Any]:
    known = remembered.score[~remembered.missing]
    memorized = (known >= MEMORIZATION_CUT).astype(np.float64)
    random = generator(seed, "memorization")
    return {
        "mean": mean(known, random).to_dict(),
        "share_memorized": mean(memorized, random).to_dict(),
        "cut": MEMORIZATION_CUT,
        "standard_error_bound": float(np.nanmax(remembered.error_bound)),
        "missing": int(remembered.missing.sum()),
    }


def _correlations(
    memorized: FloatArray,
    records: Mapping[str, NDArray[Any]],
    scores: Mapping[str, FloatArray],
    masks: BoolArray,
    seed: int,
) -> dict[str, Any]:
    """Return Spearman's correlation of memorization with curvature and with every attack's score.

    Scores are the mean over the models that were trained on a record.
    """
    others = {name: records[name] for name in records if name.startswith("log_curvature")}
    others |= {name: mean_over_members(values, masks) for name, values in scores.items()}
    known = np.isfinite(memorized)
    found = {}
    for name, values in others.items():
        random = generator(seed, "correlation", name)
        try:
            found[name] = spearman(memorized[known], values[known], random, DRAWS).to_dict()
        except ImprintError as error:
            found[name] = {"missing": str(error)}
    return found


def _influences(found: CohortAnswers) -> tuple[InfluencePairs, float]:
    """Return the pairs that noise would hardly show, and the least influence that takes.

    Of n same-class pairs none of which has any influence, one reaches the cut with a chance of
    at most ``CHANCE_OF_NOISE``, by the greatest standard error the counts allow.
    """
    pool, labels = found.pool, found.labels
    counts = [
        np.bincount(labels[index], minlength=int(labels.max()) + 1)
        for index in (pool.index, pool.population)
    ]
    pairs = max(1, int((counts[0] * counts[1]).sum()))
    bound = memorization(found.masks, found.correct()).error_bound
    cut = max(INFLUENCE_CUT, float(norm.isf(CHANCE_OF_NOISE / pairs) * np.nanmax(bound)))
    top = top_pairs(
        found.masks,
        found.correct(),
        found.population_correct(),
        labels[pool.index],
        labels[pool.population],
        MEMORIZATION_CUT,
        cut,
    )
    return top, cut


def _write_pairs(path: Path, pool: Pool, pairs: InfluencePairs) -> None:
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
