"""Membership inference in the audit of a user's model: from observed outputs to findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.attack_kit.triage import triage
from imprint.lenses.membership.findings import MembershipFindings, Triage
from imprint.lenses.membership.study.options import AttacksChoice
from imprint.lenses.membership.study.records import AttackedRecords, choose_records
from imprint.lenses.membership.study.trials import (
    list_trials,
    run_trials,
    standard_controls,
    write_trials,
)
from imprint.observation.audited_model import AuditedModel
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Observed, Wanted
from imprint.probe.record_outputs import RecordSignals, error_scale
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step

ATTACKS_PART = "attacks on the model's outputs"


@dataclass(frozen=True, kw_only=True)
class MembershipChoice(AttacksChoice):
    """How membership of the user's records is attacked."""

    controls: bool = True
    """Also run attacks where there is nothing to find."""


@dataclass(frozen=True)
class AttackObserved(Step):
    """Run all attacks on what the model said of members and non-members.

    Attributes:
        options: of the lens.
        seed: of the population and the controls.
        observed: both sets.
    """

    options: MembershipChoice
    seed: int
    members: Observed = uncounted()
    non_members: Observed = uncounted()

    artefact = "membership"
    inputs = ("observed/members", "observed/non_members")

    def build(self, path: Path) -> None:
        """Write a table of scores an attack, ``exposure.parquet`` and ``findings.json``."""
        path.mkdir(exist_ok=True)
        records = choose_records(len(self.members), len(self.non_members), 0, self.seed)
        signals = self._signals()
        evidence = make_evidence(signals, records)
        settings = self.options.attack_settings
        controls = standard_controls(evidence, records.members, settings, self.seed)
        scores, findings = run_trials(
            list_trials(choose_attacks(self.options.attacks), evidence),
            evidence,
            records.members,
            settings,
            self.seed,
            controls if self.options.controls else None,
        )
        findings = replace(findings, triage=first_look(signals, records))
        write_trials(path, scores, findings, records)

    def _signals(self) -> RecordSignals:
        """Return the signals of members, then of non-members."""
        scale = None
        if self.members.model.task == "regression":
            targets = self.non_members.records.targets
            assert targets is not None
            scale = error_scale(self.non_members.outputs, targets)
        return join_signals(self.members.signals(scale), self.non_members.signals(scale))


def join_signals(first: RecordSignals, second: RecordSignals) -> RecordSignals:
    """Return the signals of two sets, one behind the other."""

    def both(values: FloatArray | None, others: FloatArray | None) -> FloatArray | None:
        return None if values is None or others is None else np.concatenate([values, others])

    correct = None
    if first.correct is not None and second.correct is not None:
        correct = np.concatenate([first.correct, second.correct])
    return RecordSignals(
        np.concatenate([first.loss, second.loss]),
        np.concatenate([first.phi, second.phi]),
        correct,
        both(first.entropy, second.entropy),
        both(first.mentr, second.mentr),
    )


def make_evidence(signals: RecordSignals, records: AttackedRecords) -> Evidence:
    """Return what attacks may read of the model."""
    kinds = {"phi": signals.phi, "mentr": signals.mentr}
    return Evidence(
        {kind: values[None, records.index] for kind, values in kinds.items() if values is not None},
        None,
        {
            kind: values[None, records.population]
            for kind, values in kinds.items()
            if values is not None
        },
    )


def first_look(signals: RecordSignals, records: AttackedRecords) -> Triage | None:
    """Return the triage; None of a model of which it is not known when it is right."""
    if signals.correct is None:
        return None
    correct: BoolArray = signals.correct[records.index]
    return triage(signals.phi[records.index], correct, records.members)


def _refuses(model: AuditedModel, options: MembershipChoice) -> str | None:
    if len(model.members) < 2 or len(model.non_members) < 4:
        return "at least 2 members and 4 non-members are needed"
    return None


def _wants(model: AuditedModel, options: MembershipChoice) -> Wanted:
    return Wanted()


def _plan(model: AuditedModel, options: MembershipChoice, pace: Pace) -> list[Part]:
    seconds = pace.forward * (len(model.members) + len(model.non_members))
    return [Part(ATTACKS_PART, seconds, "every attack without references", essential=True)]


def _run(run: AuditRun) -> JsonObject:
    step = AttackObserved(
        run.options, run.seed, run.observed["members"], run.observed["non_members"]
    )
    findings = read_finding(MembershipFindings, run.study.run(step) / "findings.json")
    return {"membership": to_json(findings)}


AUDIT_LENSES.register("membership")(
    AuditLens(
        "membership", "Membership inference", 20, MembershipChoice, _refuses, _wants, _plan, _run
    )
)
