"""The step that attacks every model of a cohort and estimates what the models memorized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.controls import (
    other_membership,
    permuted_membership,
    untrained_target,
)
from imprint.lenses.membership.attack_kit.run import attack_cohort, choose_attacks, cohort_target
from imprint.lenses.membership.attack_kit.signal_checks import describe_attack
from imprint.lenses.membership.cohort.agreement import agreement, all_top_sets, mean_overlaps
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort, mean_curve
from imprint.lenses.membership.cohort.exposure import mean_over_members, times_detected
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.cohort_findings import (
    AttackAgreement,
    CohortFacts,
    CohortFindings,
)
from imprint.lenses.membership.findings import AttackFinding, best_attack, names_best_first
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.study.cohort.answers import CohortAnswers, CohortTables
from imprint.lenses.membership.study.cohort.memorization import (
    find_correlations,
    find_influences,
    find_memorization,
    write_pairs,
)
from imprint.lenses.membership.study.cost import count_queries
from imprint.lenses.membership.study.model_signals import unmeasured_kinds
from imprint.lenses.membership.study.options import CohortChoice
from imprint.lenses.membership.study.trials import (
    AttackTrial,
    attack_queries,
    list_trials,
)
from imprint.stats.control import Control
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import write_table

MIN_DETECTION_FPR = 0.01
CURVE_POINTS = 241


@dataclass(frozen=True, kw_only=True)
class AttackCohort(Step):
    """Attack every model and estimate memorization: the folder ``membership``.

    It holds ``NAME.parquet`` an attack (``index``, ``score [K]``, ``member [K]``),
    ``curves.parquet`` (mean true positive rates), ``records.parquet``, ``influence.parquet`` and
    ``findings.json``.

    Attributes:
        choice: of the cohort, its attacks and signals.
        seed: of halves, controls and bootstraps.
        signals: of the models, and of an untrained one where controls are run.
    """

    choice: CohortChoice
    seed: int
    signals: CohortTables

    artefact = "membership"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every table of signals, and the masks."""
        return self.signals.artefacts

    def build(self, path: Path) -> None:
        """Write tables and findings.

        Raises:
            ImprintError: no attack can be run.
        """
        path.mkdir(exist_ok=True)
        attacks = choose_attacks(self.choice.attacks, unmeasured_kinds(self.choice))
        write_cohort(
            path,
            self.signals.read(),
            attacks,
            self.choice.attack_settings,
            count_queries(self.choice),
            self.seed,
        )


def write_cohort(
    folder: Path,
    answers: CohortAnswers,
    attacks: Sequence[Attack],
    settings: AttackSettings,
    queries: Mapping[str, int],
    seed: int,
) -> None:
    """Attack every model and estimate memorization; write what :class:`AttackCohort` holds.

    Args:
        folder: where to.
        answers: of the models.
        attacks: which to run; those that lack what they need are skipped with the reason.
        settings: of the attacks.
        queries: model calls for one view of a record, by kind of signal.
        seed: of halves, controls and bootstraps.

    Raises:
        ImprintError: no attack can be run.
    """
    scores, findings, skipped = attack_models(answers, attacks, settings, queries, seed)
    best, least = best_attack(findings)
    fpr = max(MIN_DETECTION_FPR, float(least or 0))
    _write_scores(folder, answers, scores)
    write_table(folder / "records.parquet", _record_columns(answers, scores[best], fpr))
    correct = answers.correct()
    pairs, influence = find_influences(
        answers.masks,
        correct,
        answers.population_correct(),
        answers.labels[answers.pool.index],
        answers.labels[answers.pool.population],
    )
    write_pairs(folder / "influence.parquet", answers.pool, pairs)

    def score_rows(rows: IntArray) -> dict[str, FloatArray]:
        others = {kind: values[rows] for kind, values in answers.others().items()}
        scored, _ = score_trials(answers.cohort().rows(rows), others, attacks, settings)
        return {name: each.scores for name, each in scored.items()}

    tops = all_top_sets({name: scores[name] for name in names_best_first(findings)})
    write_finding(
        folder / "findings.json",
        CohortFindings(
            attacks=findings,
            skipped=skipped,
            best=best,
            cohort=CohortFacts(
                len(answers.masks),
                answers.masks.shape[1],
                len(answers.pool.population),
                answers.accuracy(),
                fpr,
            ),
            agreement=AttackAgreement(
                tuple(scores),
                tuple(map(tuple, mean_overlaps(scores).tolist())),
                agreement(names_best_first(findings), tops, len(answers.masks)),
            ),
            memorization=find_memorization(
                answers.masks,
                correct,
                find_correlations(answers.masks, correct, answers.curvature(), score_rows, seed),
                influence,
            ),
        ),
    )


@dataclass(frozen=True)
class ScoredTrial:
    """What came of one trial: float64 ``[K, N]`` scores, and the kind of signal that was read."""

    trial: AttackTrial
    scores: FloatArray
    reads: str


def score_trials(
    cohort: Cohort,
    others: Mapping[str, FloatArray],
    attacks: Sequence[Attack],
    settings: AttackSettings,
) -> tuple[dict[str, ScoredTrial], dict[str, str]]:
    """Return what came of each trial by name, and why others were skipped.

    Args:
        cohort: the models.
        others: further signals of each model as a target, float64 ``[K, A, N]``.
        attacks: which to run, each on curvature alone as well where φ would hide it.
        settings: of the attacks.
    """
    scored, skipped = {}, {}
    for trial in list_trials(attacks, cohort_target(cohort, 0, others)):
        extra = {} if trial.kinds else others
        outcome = attack_cohort(visible_cohort(trial, cohort), [trial.attack], settings, extra)
        name = trial.attack.name
        if name in outcome.skipped:
            skipped[trial.name] = outcome.skipped[name]
        else:
            scored[trial.name] = ScoredTrial(trial, outcome.scores[name], outcome.reads[name])
    return scored, skipped


def visible_cohort(trial: AttackTrial, cohort: Cohort) -> Cohort:
    """Return the signals of a cohort that a trial is shown."""
    return cohort.only(trial.kinds) if trial.kinds else cohort


def attack_models(
    answers: CohortAnswers,
    attacks: Sequence[Attack],
    settings: AttackSettings,
    queries: Mapping[str, int],
    seed: int,
) -> tuple[dict[str, FloatArray], dict[str, AttackFinding], dict[str, str]]:
    """Return scores float64 ``[K, N]`` by trial, what they show, and why others were skipped.

    Raises:
        ImprintError: no attack can be run.
    """
    whole, others = answers.cohort(), answers.others()
    scored, skipped = score_trials(whole, others, attacks, settings)
    if not scored:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ImprintError(f"no attack can be run: {reasons}")
    findings = {}
    for name, each in scored.items():
        trial = each.trial
        cohort, extra = visible_cohort(trial, whole), {} if trial.kinds else others
        controls = None
        if answers.untrained is not None:
            controls = _run_controls(trial, cohort, extra, answers, settings, seed)
        cost = attack_queries(trial.attack, each.reads, cohort_target(cohort, 0, extra), queries)
        evaluation = evaluate_cohort(each.scores, answers.masks, seed=seed)
        findings[name] = describe_attack(each.scores, evaluation, each.reads, cost, controls)
    return {name: each.scores for name, each in scored.items()}, findings, skipped


def _run_controls(
    trial: AttackTrial,
    cohort: Cohort,
    others: Mapping[str, FloatArray],
    answers: CohortAnswers,
    settings: AttackSettings,
    seed: int,
) -> dict[str, Control]:
    """Return the controls of one attack, on the first model of the cohort."""
    assert answers.untrained is not None
    attack, members = trial.attack, answers.masks[0]
    first = cohort_target(cohort, 0, others)
    blank = Evidence(answers.untrained.target, References(cohort, 0), answers.untrained.population)
    controls = {
        "untrained": untrained_target(trial.restrict(blank), members, attack, settings),
        "permuted_membership": permuted_membership(first, members, attack, settings, seed),
        "other_membership": other_membership(cohort, 0, 1, attack, settings, others, seed),
    }
    return {name: control for name, control in controls.items() if control is not None}


def _write_scores(folder: Path, answers: CohortAnswers, scores: Mapping[str, FloatArray]) -> None:
    """Write the scores of every attack, and the mean curves of all."""
    masks = answers.masks
    for name, values in scores.items():
        columns = {"index": answers.pool.index, "score": values.T, "member": masks.T}
        write_table(folder / f"{name}.parquet", columns)
    least = 1 / int((~masks).sum(axis=1).min())
    rates = np.unique(np.append(np.geomspace(least, 1, CURVE_POINTS), [0.1, 0.01, 0.001]))
    rates = rates[rates >= least]
    curves = {name: mean_curve(values, masks, rates) for name, values in scores.items()}
    write_table(folder / "curves.parquet", {"index": np.arange(len(rates)), "fpr": rates, **curves})


def _record_columns(
    answers: CohortAnswers, best: FloatArray, fpr: float
) -> dict[str, NDArray[Any]]:
    """Return one row per record: its memorization, how often it is detected, its curvature."""
    memorized = estimate_memorization(answers.masks, answers.correct())
    correct = answers.correct().astype(np.float64)
    columns: dict[str, NDArray[Any]] = {
        "index": answers.pool.index,
        "memorization": memorized.score,
        "standard_error": memorized.error,
        "models_in": memorized.models_in,
        "models_out": memorized.models_out,
        "accuracy_in": mean_over_members(correct, answers.masks),
        "accuracy_out": mean_over_members(correct, ~answers.masks),
        "times_found": times_detected(best, answers.masks, fpr),
    }
    curvature = answers.curvature()
    if curvature is not None:
        columns["log_curvature_in"] = mean_over_members(curvature, answers.masks)
        columns["log_curvature_out"] = mean_over_members(curvature, ~answers.masks)
    return columns
