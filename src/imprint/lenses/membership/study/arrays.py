"""Membership attacks on arrays that the user computed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import Attack
from imprint.lenses.membership.attack.controls import (
    other_membership,
    permuted_membership,
    swapped_target,
)
from imprint.lenses.membership.attack.evaluation import evaluate
from imprint.lenses.membership.attack.options import AttackOptions
from imprint.lenses.membership.attack.run import Scored, choose_attacks, run_attacks
from imprint.lenses.membership.attack.signal_checks import suspect_signals
from imprint.lenses.membership.findings import MembershipFindings, describe_attack
from imprint.lenses.membership.study.case import Case, SignalKind, read_case
from imprint.probe.signals.signal import signal_kinds
from imprint.stats.control import Control
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.plain import to_plain
from imprint.study.tables import write_table

MANY_TIED = 0.1
"""Share of the rows on values of others from which it is reported."""
LEAST_COHORT = 4
"""Models of a cohort, the target among them, from which another one's membership is asked for."""


def attack_membership_arrays(
    file: Path,
    out: Path,
    names: Sequence[str] = ("all",),
    signal: SignalKind = "phi",
    options: AttackOptions | None = None,
    with_controls: bool = True,
    seed: int = 0,
) -> dict[str, Any]:
    """Attack one target; write ``summary.json`` and a table of scores an attack.

    ``membership/NAME.parquet`` holds ``index``, ``score`` and ``member`` of every record. A record
    that is listed more than once counts once, at its first row.

    Args:
        file: ``.npz``; :func:`read_case` says of what.
        out: folder for the results.
        names: attacks, or ``all``.
        signal: what ``signals``, ``target`` and ``population`` hold; attacks that read another
            kind alone are skipped.
        options: settings of single attacks.
        with_controls: also run the negative controls of every attack.
        seed: of halves and controls.

    Raises:
        ImprintError: arrays that do not fit, an unknown attack, or none that can be run.
    """
    settings = options or AttackOptions()
    choose_attacks(names)
    case = read_case(file, signal)
    seldom = {kind for kind, each in signal_kinds().items() if each.is_white_box} | {"distance"}
    attacks = choose_attacks(names, seldom - case.evidence.target.keys())
    scored = run_attacks(case.evidence, attacks, settings)
    if not scored.scores:
        told = "; ".join(f"{name} {reason}" for name, reason in scored.skipped.items())
        raise ImprintError(f"{file}: no attack can be run: {told}")
    findings = {
        name: describe_attack(
            scores,
            evaluate(scores, case.members, seed=seed),
            scored.reads[name],
            controls=_controls(case, name, settings, seed) if with_controls else None,
        )
        for name, scores in scored.scores.items()
    }
    references = case.evidence.references
    inside = int(np.count_nonzero(case.members))
    summary = {
        "imprint": __version__,
        "data": {
            "name": file.name,
            "members": inside,
            "non_members": len(case.members) - inside,
            "references": 0 if references is None else references.judges,
            "copies": case.copies,
        },
        "settings": {"signal": signal, "attacks": to_plain(settings), "seed": seed},
        "lenses": {
            "membership": to_json(
                MembershipFindings(
                    attacks=findings,
                    skipped=scored.skipped,
                    warnings=(*_copies(case), *suspect_signals(case.evidence, case.members)),
                )
            )
        },
    }
    _write_scores(out, case, scored)
    write_json(out / "summary.json", summary)
    return summary


def _copies(case: Case) -> list[str]:
    """Return what was noticed about rows that are alike."""
    sentences = []
    if case.copies:
        sentences.append(
            f"{case.copies} of {case.copies + len(case.members)} rows repeat another one in every "
            "signal and in membership: each record counts once, in every number here"
        )
    if case.tied > MANY_TIED * len(case.members):
        sentences.append(
            f"{case.tied} of {len(case.members)} rows share every signal with another one: if they "
            "are the same records listed as members and as others, list each once, as what it is; "
            "intervals and resolution take them for different records"
        )
    return sentences


def _controls(case: Case, name: str, options: AttackOptions, seed: int) -> dict[str, Control]:
    (attack,) = choose_attacks([name])
    arguments = (case.evidence, case.members, attack, options, seed)
    controls = {
        "permuted_membership": permuted_membership(*arguments),
        "swapped_target": swapped_target(*arguments),
        "other_membership": _other_membership(case, attack, options, seed),
    }
    return {name: control for name, control in controls.items() if control is not None}


def _other_membership(
    case: Case, attack: Attack, options: AttackOptions, seed: int
) -> Control | None:
    """Return the control on a target that completes the cohort of its references; else None."""
    judges = case.evidence.references
    if judges is None or judges.target is None or len(judges.cohort) < LEAST_COHORT:
        return None
    cohort, target = judges.cohort, judges.target
    others = {
        kind: np.repeat(values[None], len(cohort), axis=0)
        for kind, values in case.evidence.target.items()
        if kind not in cohort.signals
    }
    other = 1 if target == 0 else 0
    return other_membership(cohort, target, other, attack, options, others, seed)


def _write_scores(out: Path, case: Case, scored: Scored) -> None:
    for name, scores in scored.scores.items():
        columns = {"index": case.index, "score": scores, "member": case.members}
        write_table(out / "membership" / f"{name}.parquet", columns)
