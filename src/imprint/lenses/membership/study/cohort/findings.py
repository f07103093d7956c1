"""What a cohort shows: every attack on every model, and the memorization of every record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack.controls import (
    other_membership,
    permuted_membership,
    untrained_target,
)
from imprint.lenses.membership.attack.run import attack_cohort, cohort_target
from imprint.lenses.membership.cohort.agreement import agreement, all_top_sets, mean_overlaps
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort, mean_curve
from imprint.lenses.membership.cohort.exposure import mean_over_members, times_detected
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.findings import (
    AttackFinding,
    best_attack,
    describe_attack,
    names_best_first,
)
from imprint.lenses.membership.memorization.estimators import Memorization, memorization
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.cohort.memorization import (
    correlations,
    influences,
    memorization_findings,
    write_pairs,
)
from imprint.lenses.membership.study.trials import CURVATURE, Trial, attack_queries, list_trials
from imprint.stats.control import Control
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.tables import write_table

OFTEN_ALLOWED = 0.01
CURVE_POINTS = 241


def find_cohort(
    folder: Path,
    found: CohortAnswers,
    attacks: Sequence[Attack],
    options: AttackSettings,
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
    scores, evaluated, skipped = _attack(found, attacks, options, seed)
    best, least = best_attack(evaluated)
    allowed = max(OFTEN_ALLOWED, float(least or 0))
    remembered = memorization(found.masks, found.correct())
    for name, values in scores.items():
        columns = {"index": found.pool.index, "score": values.T, "member": found.masks.T}
        write_table(folder / f"{name}.parquet", columns)
    _write_curves(folder / "curves.parquet", scores, found.masks)
    records = _records(found, remembered, scores[best], allowed)
    write_table(folder / "records.parquet", records)
    pairs, strength = influences(found)
    write_pairs(folder / "influence.parquet", found.pool, pairs)
    findings = {
        "attacks": to_json(evaluated),
        "skipped": skipped,
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
            "intersections": _intersections(scores, names_best_first(evaluated)),
        },
        "memorization": {
            **memorization_findings(found, seed),
            "correlation": correlations(
                found,
                lambda rows: {
                    name: values
                    for name, (_, values, _) in score_trials(
                        found.cohort().rows(rows),
                        {kind: values[rows] for kind, values in found.others().items()},
                        attacks,
                        options,
                    )[0].items()
                },
                seed,
            ),
            "influence": strength,
        },
    }
    write_json(folder / "findings.json", findings)


def score_trials(
    cohort: Cohort,
    others: Mapping[str, FloatArray],
    attacks: Sequence[Attack],
    options: AttackSettings,
) -> tuple[dict[str, tuple[Trial, FloatArray, str]], dict[str, str]]:
    """Return trial, scores float64 ``[K, N]`` and what was read, by name; and why others were not.

    Args:
        cohort: the models.
        others: further signals of each model as a target, float64 ``[K, A, N]``.
        attacks: which to run, each on curvature alone as well where φ would hide it.
        options: of the attacks.
    """
    scored, skipped = {}, {}
    for trial in list_trials(attacks, cohort_target(cohort, 0, others)):
        shown = shown_cohort(trial, cohort)
        found = attack_cohort(shown, [trial.attack], options, {} if trial.kinds else others)
        name = trial.attack.name
        if name in found.skipped:
            skipped[trial.name] = found.skipped[name]
        else:
            scored[trial.name] = trial, found.scores[name], found.reads[name]
    return scored, skipped


def shown_cohort(trial: Trial, cohort: Cohort) -> Cohort:
    """Return the cohort as a trial may look at it."""
    return cohort.only(trial.kinds) if trial.kinds else cohort


def _attack(
    found: CohortAnswers, attacks: Sequence[Attack], options: AttackSettings, seed: int
) -> tuple[dict[str, FloatArray], dict[str, AttackFinding], dict[str, str]]:
    """Return scores float64 ``[K, N]`` by trial, what they show, and why others were skipped."""
    whole, others = found.cohort(), found.others()
    scored, skipped = score_trials(whole, others, attacks, options)
    if not scored:
        told = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ImprintError(f"no attack can be run: {told}")
    findings = {}
    for name, (trial, scores, kind) in scored.items():
        cohort, extra = shown_cohort(trial, whole), {} if trial.kinds else others
        first = cohort_target(cohort, 0, extra)
        evaluation = evaluate_cohort(scores, found.masks, seed=seed)
        controls = None
        if found.untrained is not None:
            controls = _controls(trial, cohort, extra, found, options, seed)
        cost = attack_queries(trial.attack, kind, first, found.queries)
        findings[name] = describe_attack(scores, evaluation, kind, cost, controls)
    by_name = {name: values for name, (_, values, _) in scored.items()}
    return by_name, findings, skipped


def _controls(
    trial: Trial,
    cohort: Cohort,
    others: Mapping[str, FloatArray],
    found: CohortAnswers,
    options: AttackSettings,
    seed: int,
) -> dict[str, Control]:
    """Return the controls of one attack, on the first model of the cohort."""
    assert found.untrained is not None
    attack, members = trial.attack, found.masks[0]
    first = cohort_target(cohort, 0, others)
    blank = Evidence(found.untrained.target, References(cohort, 0), found.untrained.population)
    done = {
        "untrained": untrained_target(trial.restrict(blank), members, attack, options),
        "permuted_membership": permuted_membership(first, members, attack, options, seed),
        "other_membership": other_membership(cohort, 0, 1, attack, options, others, seed),
    }
    return {name: control for name, control in done.items() if control is not None}


def _intersections(scores: Mapping[str, FloatArray], names: Sequence[str]) -> dict[str, Any]:
    """Return how many records exactly which attacks suspect, the mean over targets."""
    tops = all_top_sets({name: scores[name] for name in names})
    found = agreement(names, tops, len(scores[names[0]]))
    return {
        "attacks": found.attacks,
        "patterns": [list(pattern) for pattern, _ in found.counts],
        "counts": [number for _, number in found.counts],
        "others": found.others,
    }


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
        "times_found": times_detected(best, found.masks, allowed),
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
