"""Every attack on one network: scores, what they show, controls, costs, the exposure list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import Attack, Evidence
from imprint.lenses.membership.attack.controls import (
    permuted_membership,
    swapped_target,
    untrained_target,
)
from imprint.lenses.membership.attack.evaluation import evaluate
from imprint.lenses.membership.attack.options import AttackOptions
from imprint.lenses.membership.attack.signal_checks import suspect_signals
from imprint.lenses.membership.cohort.exposure import exposure
from imprint.lenses.membership.findings import (
    MembershipFindings,
    best_attack,
    describe_attack,
)
from imprint.lenses.membership.study.records import Records
from imprint.stats.control import Control
from imprint.study.finding import write_finding
from imprint.study.tables import write_table

CURVATURE = "log_curvature"


@dataclass(frozen=True)
class Trial:
    """One attack under one name.

    Attributes:
        name: the attack's; behind it ``_curvature`` where it is shown the curvature alone.
        attack: the method.
        kinds: the kinds of signal it is shown; empty for all.
    """

    name: str
    attack: Attack
    kinds: frozenset[str] = frozenset()

    def shown(self, evidence: Evidence) -> Evidence:
        """Return the evidence that this trial may look at."""
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


def list_trials(attacks: Sequence[Attack], evidence: Evidence) -> list[Trial]:
    """Return one trial an attack, and a second on curvature alone where φ would hide it.

    The second are attacks without need of references: they read one signal and prefer φ.
    """
    trials = []
    for attack in attacks:
        trials.append(Trial(attack.name, attack))
        reads_other = CURVATURE in attack.reads and attack.kind(evidence) != CURVATURE
        if attack.sides == "none" and reads_other and CURVATURE in evidence.target:
            trials.append(Trial(f"{attack.name}_curvature", attack, frozenset([CURVATURE])))
    return trials


def run_trials(
    trials: Sequence[Trial],
    evidence: Evidence,
    untrained: Evidence | None,
    records: Records,
    options: AttackOptions,
    queries: Mapping[str, int],
    seed: int,
    with_controls: bool,
) -> tuple[dict[str, FloatArray], MembershipFindings]:
    """Return the scores float64 ``[N]`` by trial, and what they show.

    Args:
        trials: which attacks.
        evidence: of the network.
        untrained: of an untrained one in its place; None leaves that control out.
        records: that are attacked.
        options: settings of single attacks.
        queries: answers of the network a record and view costs, by kind of signal.
        seed: of halves and controls.
        with_controls: whether to run them.

    Raises:
        ImprintError: no attack can be run.
    """
    scores, findings, skipped = {}, {}, {}
    for trial in trials:
        shown, attack = trial.shown(evidence), trial.attack
        reason, kind = attack.missing(shown), attack.kind(shown)
        if reason is not None or kind is None:
            skipped[trial.name] = str(reason)
            continue
        scores[trial.name] = attack.score(shown, options)
        evaluation = evaluate(scores[trial.name], records.members, seed=seed)
        controls = None
        if with_controls:
            blank = None if untrained is None else trial.shown(untrained)
            controls = _controls(attack, shown, blank, records.members, options, seed)
        cost = attack_queries(attack, kind, shown, queries)
        findings[trial.name] = describe_attack(scores[trial.name], evaluation, kind, cost, controls)
    if not scores:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items())
        raise ImprintError(f"no attack can be run: {reasons}")
    warnings = tuple(suspect_signals(evidence, records.members))
    return scores, MembershipFindings(attacks=findings, skipped=skipped, warnings=warnings)


def write_trials(
    folder: Path, scores: Mapping[str, FloatArray], findings: MembershipFindings, records: Records
) -> None:
    """Write a table of scores an attack, ``exposure.parquet`` and ``findings.json``.

    The exposure list has a row a member, the most exposed first: ``fpr``, the share
    of non-members who score as high under the best attack, ``agreement``, how many attacks have
    the record among their top, and ``score`` of the best.
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
    write_finding(folder / "findings.json", replace(findings, best=best))


def write_scores(file: Path, score: FloatArray, records: Records) -> None:
    """Write ``index``, ``score`` and ``member`` of every record, scores float64 ``[N]``."""
    file.parent.mkdir(exist_ok=True)
    columns = {"index": records.index, "score": score, "member": records.members}
    write_table(file, columns)


def _controls(
    attack: Attack,
    evidence: Evidence,
    untrained: Evidence | None,
    members: BoolArray,
    options: AttackOptions,
    seed: int,
) -> dict[str, Control]:
    controls = {
        "untrained": None
        if untrained is None
        else untrained_target(untrained, members, attack, options),
        "permuted_membership": permuted_membership(evidence, members, attack, options, seed),
        "swapped_target": swapped_target(evidence, members, attack, options, seed),
    }
    return {name: control for name, control in controls.items() if control is not None}


def attack_queries(
    attack: Attack, kind: str, evidence: Evidence, queries: Mapping[str, int]
) -> int:
    """Return how many answers of the network one record costs.

    Attacks without references look at the plain record, others at all its views at most.
    """
    views = 1 if attack.sides == "none" else len(evidence.target[kind])
    # One pass for curvature answers for φ too, so an attack that reads both pays for the dearer.
    both = attack.name == "multi" and CURVATURE in evidence.target
    return views * queries[CURVATURE if both else kind]


def _only(signals: Mapping[str, FloatArray], kinds: frozenset[str]) -> dict[str, FloatArray]:
    return {kind: values for kind, values in signals.items() if kind in kinds}
