"""Membership attacks on arrays that the user computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings
from imprint.lenses.membership.attack_kit.controls import other_membership
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.findings import MembershipFindings
from imprint.lenses.membership.roc_points import roc_points
from imprint.lenses.membership.study.case import Case, SignalKind, read_case
from imprint.lenses.membership.study.trials import (
    AttackTrial,
    run_trials,
    score_columns,
    standard_controls,
)
from imprint.report.summary import new_summary
from imprint.stats.control import Control
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.plain import to_plain
from imprint.study.tables import write_table

RARE_KINDS = {"distance", "entropy", "trace", "input_gradient", "parameter_gradient", "trajectory"}
"""Kinds of signal that files seldom hold; with ``all``, attacks on them are left out silently."""
MAX_TIED_SHARE = 0.1
"""Share of the rows on signals of others up to which it is not reported."""
MIN_COHORT = 4
"""Models of a cohort, the target among them, for the control on another model's membership."""


def attack_membership_arrays(
    file: Path,
    out: Path,
    names: Sequence[str] = ("all",),
    signal: SignalKind = "phi",
    settings: AttackSettings | None = None,
    with_controls: bool = True,
    seed: int = 0,
) -> Mapping[str, Any]:
    """Attack one target; write ``summary.json`` and a table of scores an attack.

    ``membership/NAME.parquet`` holds ``index``, ``score``, ``member`` and ``probability`` of every
    record, ``membership/roc.parquet`` the points of all ROC curves. A record that is listed more
    than once counts once, at its first row.

    Args:
        file: ``.npz`` of :class:`imprint.lenses.membership.study.case.MembershipArrays`.
        out: folder for the results.
        names: attacks, or ``all``.
        signal: what ``signals``, ``target`` and ``population`` hold; attacks that read another
            kind alone are skipped.
        settings: of the attacks.
        with_controls: also run the negative controls of every attack.
        seed: of halves and controls.

    Raises:
        ImprintError: arrays that do not fit, an unknown attack, or none that can be run.
    """
    choose_attacks(names)
    case = read_case(file, signal)
    scores, findings = attack_case(case, names, settings, with_controls, seed)
    references = case.evidence.references
    inside = int(np.count_nonzero(case.members))
    summary = new_summary(
        {
            "name": file.name,
            "members": inside,
            "non_members": len(case.members) - inside,
            "references": 0 if references is None else references.count,
            "copies": case.copies,
        },
        {"membership": to_json(findings)},
        {
            "signal": signal,
            "attacks": {name: to_plain(each) for name, each in (settings or {}).items()},
            "seed": seed,
        },
    )
    for name, score in scores.items():
        columns = score_columns(case.index, score, case.members)
        write_table(out / "membership" / f"{name}.parquet", columns)
    write_table(out / "membership" / "roc.parquet", roc_points(scores, case.members).columns())
    write_json(out / "summary.json", summary)
    return summary


def attack_case(
    case: Case,
    names: Sequence[str] = ("all",),
    settings: AttackSettings | None = None,
    with_controls: bool = True,
    seed: int = 0,
) -> tuple[dict[str, FloatArray], MembershipFindings]:
    """Return the scores float64 ``[N]`` by attack, and what they show.

    Raises:
        ImprintError: an unknown attack, or none that can be run.
    """
    attacks = choose_attacks(names, RARE_KINDS - case.evidence.target.keys())
    trials = [AttackTrial(attack.name, attack) for attack in attacks]
    settings = settings or {}
    standard = standard_controls(case.evidence, case.members, settings, seed)

    def controls(trial: AttackTrial) -> Mapping[str, Control | None]:
        other = _other_membership(case, trial.attack, settings, seed)
        return {**standard(trial), "other_membership": other}

    scores, findings = run_trials(
        trials, case.evidence, case.members, settings, seed, controls if with_controls else None
    )
    warnings = (*_describe_copies(case), *findings.warnings)
    return scores, replace(findings, warnings=warnings)


def _describe_copies(case: Case) -> list[str]:
    """Return what was noticed about rows that are equal."""
    sentences = []
    if case.copies:
        sentences.append(
            f"{case.copies} of {case.copies + len(case.members)} rows repeat another one in every "
            "signal and in membership: each record counts once, in every number here"
        )
    if case.tied > MAX_TIED_SHARE * len(case.members):
        sentences.append(
            f"{case.tied} of {len(case.members)} rows share every signal with another one: if they "
            "are the same records listed as members and as non-members, list each once, as what it "
            "is; intervals and resolution take them for different records"
        )
    return sentences


def _other_membership(
    case: Case, attack: Attack, settings: AttackSettings, seed: int
) -> Control | None:
    """Return the control on a target that completes the cohort of its references; else None."""
    references = case.evidence.references
    if references is None or references.target is None or len(references.cohort) < MIN_COHORT:
        return None
    cohort, target = references.cohort, references.target
    others = {
        kind: np.broadcast_to(values, (len(cohort), *values.shape))
        for kind, values in case.evidence.target.items()
        if kind not in cohort.signals
    }
    other = 1 if target == 0 else 0
    return other_membership(cohort, target, other, attack, settings, others, seed)
