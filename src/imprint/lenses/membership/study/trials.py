"""Every attack on one network: scores, findings, controls, costs, the exposure list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings, Evidence
from imprint.lenses.membership.attack_kit.controls import (
    permuted_membership,
    swapped_target,
    untrained_target,
)
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.attack_kit.membership_probability import membership_probability
from imprint.lenses.membership.attack_kit.signal_checks import describe_attack, suspect_signals
from imprint.lenses.membership.attack_kit.slices import Grouping, slice_attack
from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.findings import MembershipFindings, best_attack
from imprint.lenses.membership.roc_points import roc_points
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.stats.control import Control
from imprint.study.finding import write_finding
from imprint.study.tables import write_table

AnyArray = NDArray[Any]
CURVATURE = "log_curvature"


@dataclass(frozen=True)
class AttackTrial:
    """One attack under one name.

    Attributes:
        name: the attack's; with ``_curvature`` behind it where it reads the curvature alone.
        attack: the method.
        kinds: the kinds of signal it may read; empty for all.
    """

    name: str
    attack: Attack
    kinds: frozenset[str] = frozenset()

    def restrict(self, evidence: Evidence) -> Evidence:
        """Return the evidence that this trial may read."""
        if not self.kinds:
            return evidence
        references = evidence.references
        if references is not None:
            references = replace(references, cohort=references.cohort.only(self.kinds))
        return Evidence(
            _only(evidence.target, self.kinds),
            references,
            _only(evidence.population, self.kinds),
        )


Controls = Callable[[AttackTrial], Mapping[str, Control | None]]
"""Runs the controls of a trial; None for one that cannot be run."""


def standard_controls(
    evidence: Evidence,
    members: BoolArray,
    settings: AttackSettings,
    seed: int,
    untrained: Evidence | None = None,
) -> Controls:
    """Return what runs the controls of a trial on one target.

    Args:
        evidence: of the target.
        members: bool ``[N]``.
        settings: of the attacks.
        seed: of the controls.
        untrained: of an untrained network in its place; None leaves that control out.
    """

    def run(trial: AttackTrial) -> dict[str, Control | None]:
        readable, rest = trial.restrict(evidence), (members, trial.attack, settings)
        blank = None if untrained is None else trial.restrict(untrained)
        return {
            "untrained": None if blank is None else untrained_target(blank, *rest),
            "permuted_membership": permuted_membership(readable, *rest, seed),
            "swapped_target": swapped_target(readable, *rest, seed),
        }

    return run


def list_trials(attacks: Sequence[Attack], evidence: Evidence) -> list[AttackTrial]:
    """Return one trial an attack, and a second on curvature alone where φ would hide it.

    The second are attacks without need of references: they read one signal and prefer φ.
    """
    trials = []
    for attack in attacks:
        trials.append(AttackTrial(attack.name, attack))
        reads_other = CURVATURE in attack.reads and attack.kind(evidence) != CURVATURE
        if attack.sides == "none" and reads_other and CURVATURE in evidence.target:
            trials.append(AttackTrial(f"{attack.name}_curvature", attack, frozenset([CURVATURE])))
    return trials


def run_trials(
    trials: Sequence[AttackTrial],
    evidence: Evidence,
    members: BoolArray,
    settings: AttackSettings,
    seed: int,
    controls: Controls | None = None,
    queries: Mapping[str, int] | None = None,
) -> tuple[dict[str, FloatArray], MembershipFindings]:
    """Return the scores float64 ``[N]`` by trial, and what they show.

    Args:
        trials: which attacks.
        evidence: of the network.
        members: bool ``[N]``.
        settings: of the attacks.
        seed: of the halves for balanced accuracy.
        controls: runs the controls of a trial; None for no controls.
        queries: model calls for one view of a record, by kind of signal; None where unknown.

    Raises:
        ImprintError: no attack can be run.
    """
    scores, findings, skipped = {}, {}, {}
    for trial in trials:
        readable = trial.restrict(evidence)
        reason, kind = trial.attack.missing(readable), trial.attack.kind(readable)
        if reason is not None or kind is None:
            skipped[trial.name] = str(reason)
            continue
        scores[trial.name] = trial.attack.score(readable, settings)
        findings[trial.name] = describe_attack(
            scores[trial.name],
            evaluate(scores[trial.name], members, seed=seed),
            kind,
            None if queries is None else attack_queries(trial.attack, kind, readable, queries),
            None if controls is None else _known(controls(trial)),
        )
    if not scores:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ImprintError(f"no attack can be run: {reasons}")
    warnings = tuple(suspect_signals(evidence, members))
    return scores, MembershipFindings(attacks=findings, skipped=skipped, warnings=warnings)


def write_trials(
    folder: Path,
    scores: Mapping[str, FloatArray],
    findings: MembershipFindings,
    records: AttackedRecords,
    groupings: Mapping[str, Grouping] | None = None,
    seed: int = 0,
) -> None:
    """Write a table of scores an attack, ``exposure``, ``roc`` and ``findings.json``.

    The exposure list has one row per member, the most exposed first: ``fpr``, the share
    of non-members who score as high under the best attack, ``agreement``, how many attacks have
    the record among their top, and ``score`` of the best. ``roc.parquet`` holds the points at
    which the ROC of each attack turns.
    """
    for name, score in scores.items():
        write_scores(folder / f"{name}.parquet", score, records)
    best, _ = best_attack(findings.attacks)
    exposed = exposure(scores, records.members, best)
    write_table(
        folder / "exposure.parquet",
        {
            "index": records.index[exposed.order],
            "fpr": exposed.fpr[exposed.order],
            "agreement": exposed.agreement[exposed.order],
            "score": scores[best][exposed.order],
        },
    )
    write_table(folder / "roc.parquet", roc_points(scores, records.members).columns())
    slices = None
    if groupings:
        slices = slice_attack(scores[best], records.members, groupings, best, seed=seed)
    write_finding(folder / "findings.json", replace(findings, best=best, slices=slices))


def write_scores(file: Path, score: FloatArray, records: AttackedRecords) -> None:
    """Write ``index``, ``score``, ``member`` and ``probability`` of every record.

    The probability of membership is under even odds.

    Args:
        file: Parquet.
        score: float64 ``[N]``.
        records: N of them.
    """
    file.parent.mkdir(exist_ok=True)
    write_table(file, score_columns(records.index, score, records.members))


def score_columns(index: IntArray, score: FloatArray, members: BoolArray) -> dict[str, AnyArray]:
    """Return the columns of a table of scores; all ``[N]``."""
    probability = membership_probability(score, members)
    return {"index": index, "score": score, "member": members, "probability": probability}


def attack_queries(
    attack: Attack, kind: str, evidence: Evidence, queries: Mapping[str, int]
) -> int:
    """Return the model calls for one record.

    Attacks without references read the plain record, others all its views at most.
    """
    views = 1 if attack.sides == "none" else len(evidence.target[kind])
    # One pass for curvature measures φ too, so an attack that reads both pays for the dearer.
    both = attack.name == "multi" and CURVATURE in evidence.target
    return views * queries[CURVATURE if both else kind]


def _known(controls: Mapping[str, Control | None]) -> dict[str, Control]:
    return {name: control for name, control in controls.items() if control is not None}


def _only(signals: Mapping[str, FloatArray], kinds: frozenset[str]) -> dict[str, FloatArray]:
    return {kind: values for kind, values in signals.items() if kind in kinds}
