"""What the membership lens prints on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.membership.findings import LABEL_ONLY, MembershipFindings, resolved_fprs
from imprint.lenses.membership.page.privacy import privacy_table, read_privacy
from imprint.lenses.membership.page.slices import claims
from imprint.lenses.membership.page.study import list_study
from imprint.lenses.membership.page.tables import attack_table, collect_notes
from imprint.lenses.membership.page.verdict import network_verdict
from imprint.lenses.membership.study_findings import read_study
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import fixed, with_interval
from imprint.study.finding import from_json

MAX_RATES = 2
MAX_NAMES = 4
"""Attacks that were skipped for one reason and are named; more are counted."""


@TERMINAL.register("membership")
def show_membership(content: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what to print of attacks, of a study, of a privacy audit."""
    if "attacks" in content:
        return describe_attacks(from_json(MembershipFindings, content, "summary.json"))
    if "study" in content:
        return list_study(read_study(content["study"]))
    if "privacy" in content:
        return [privacy_table(read_privacy(content["privacy"]))]
    return ()


def describe_attacks(findings: MembershipFindings) -> list[Printed]:
    """Return a table of the attacks, the verdict, what was skipped and why, failed controls."""
    attacks = findings.all_attacks
    rates = resolved_fprs(findings.attacks)[-MAX_RATES:]
    parts: list[Printed] = [
        attack_table(attacks, rates, "Membership inference attacks"),
        f"{network_verdict(findings).heading}.",
    ]
    if findings.triage is not None and findings.triage.loss_tail is not None:
        parts.append(f"{findings.triage.loss_tail.describe()}.")
    reason = _unresolved(findings)
    if reason is not None:
        parts.append(f"no TPR at a lower FPR: {reason}")
    if findings.label_only is not None:
        labels = findings.label_only
        sentence = (
            f"{LABEL_ONLY} was run on {labels.auc.n} of the records only, with at most "
            f"{labels.queries} queries each"
        )
        if labels.no_boundary:
            sentence += (
                f"; for {labels.no_boundary} no boundary was found, they tie with the farthest"
            )
        parts.append(sentence)
    parts += _skipped(findings.skipped)
    if findings.slices is not None:
        parts += [f"{sentence}." for sentence in claims(findings.slices)]
    parts += [f"Warning: {sentence}." for sentence in findings.warnings]
    parts += [f"{several}: {note}." for several, note in collect_notes(attacks)]
    return [*parts, *_failed_controls(findings)]


def _skipped(skipped: Mapping[str, str]) -> list[str]:
    """Return a line a reason, the reason of most attacks first; many attacks are counted."""
    names: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        names.setdefault(reason, []).append(name)
    listed = sorted(names.items(), key=lambda each: -len(each[1]))
    return [f"{_several(several)} skipped: {reason}" for reason, several in listed]


def _several(names: Sequence[str]) -> str:
    if len(names) <= MAX_NAMES:
        return ", ".join(names)
    return f"{len(names)} attacks (imprint list attacks)"


def _unresolved(findings: MembershipFindings) -> str | None:
    """Return why there is no TPR at the highest rate that no attack could be measured at."""
    first = next(iter(findings.attacks.values()))
    for rate in sorted(first.tpr_at_fpr, key=float, reverse=True):
        value = first.tpr_at_fpr[rate]
        if isinstance(value, Missing):
            return value.missing
    return None


def _failed_controls(findings: MembershipFindings) -> list[str]:
    return [
        f"control {kind} of {name} FAILED: {with_interval(control.value, fixed(3))}. {control.what}"
        for name, finding in findings.all_attacks.items()
        for kind, control in (finding.controls or {}).items()
        if not control.passed
    ]
