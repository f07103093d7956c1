"""From a user's model to the report: what ``imprint audit --model`` and ``imprint.audit`` share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from imprint.audits.own_model import (
    Audit,
    describe_plan,
    list_parts,
    measure_accuracy,
    run_own_audit,
)
from imprint.audits.own_options import PlanChoice
from imprint.audits.planned import plan_in
from imprint.core.progress import log
from imprint.core.seeds import generator
from imprint.data.records.records import Records
from imprint.observation.audited_model import AuditedModel
from imprint.observation.observe import read_observed
from imprint.report.model_facts import ModelAccuracy, ModelFacts
from imprint.report.summary import finish
from imprint.study.options import Common
from imprint.study.plain import JsonObject
from imprint.study.store import Study


def draw_records(records: Records, most: int, seed: int, purpose: str) -> Records:
    """Return at most so many records, drawn at random, in their order; all for 0."""
    if not most or len(records) <= most:
        return records
    rows = np.sort(generator(seed, "audit", purpose).permutation(len(records))[:most])
    return records.take(rows)


def draw_audited(model: AuditedModel, most: int, seed: int) -> AuditedModel:
    """Return the model with at most so many records of each set."""
    members = draw_records(model.members, most, seed, "members")
    others = draw_records(model.non_members, most, seed, "non-members")
    tests = others
    if "tests" in model.parts:
        tests = draw_records(model.tests, most, seed, "tests")
    return replace(model, members=members, non_members=others, tests=tests)


def conclude_audit(
    study: Study, model: AuditedModel, choice: PlanChoice, options: Common
) -> tuple[JsonObject, Audit]:
    """Plan, run and report an audit; return the content of ``summary.json``, and the plan.

    Args:
        study: the folder, locked.
        model: under audit.
        choice: what to run.
        options: of the command, for ``options.yaml`` and the page.
    """
    audit = plan_in(study, model, choice)
    for line in describe_plan(audit):
        log(line)
    findings = run_own_audit(study, audit, options.seed)
    facts = describe_model(study, model)
    data = {**data_facts(model), **plan_facts(audit)}
    summary = finish(study, options, data, findings, facts, audit.refused)
    return summary, audit


def describe_model(study: Study, model: AuditedModel) -> ModelFacts:
    """Return what the front page says of the model."""
    accuracy = {}
    for part, records in model.parts.items():
        observed = read_observed(study.path(f"observed/{part}"), model, records)
        accuracy[part] = measure_accuracy(observed)
    return ModelFacts(
        fingerprint=model.fingerprint(),
        architecture=model.predictor.name,
        task=model.task,
        accuracy=ModelAccuracy(**accuracy),
    )


def plan_facts(audit: Audit) -> dict[str, Any]:
    """Return what was run and what was left out, in words."""
    run, left_out = list_parts(audit)
    facts = {"run": run, "left_out_of_the_budget": left_out}
    return {name: parts for name, parts in facts.items() if parts}


def data_facts(model: AuditedModel) -> dict[str, Any]:
    """Return what the summary says of the records."""
    members = model.members
    return {
        "name": members.name,
        "trained_on": members.name,
        "records": sum(len(records) for records in model.parts.values()),
        "classes": len(members.classes),
        "class_names": list(members.classes),
        "members": len(members),
        "non_members": len(model.non_members),
        **({"tests": len(model.tests)} if "tests" in model.parts else {}),
        "fingerprint": members.fingerprint(),
    }
