"""The findings of the membership lens as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.membership.findings import (
    LABEL_ONLY,
    AttackFinding,
    LabelOnlyFinding,
    MembershipFindings,
    names_by_auc,
)
from imprint.lenses.membership.page.privacy import privacy_table, read_privacy
from imprint.lenses.membership.page.verdict import attack_verdict, notes
from imprint.lenses.membership.study.series.table import show_study
from imprint.report.terminal import TERMINAL, print_all
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

MOST_RATES = 2


@TERMINAL.register("membership")
def show_membership(findings: dict[str, Any]) -> None:
    """Print what was found: of attacks, of a study, of a privacy audit."""
    if "attacks" in findings:
        show_attacks(from_json(MembershipFindings, findings, "summary.json"))
    if "study" in findings:
        show_study(findings["study"])
    if "privacy" in findings:
        print_all([privacy_table(read_privacy(findings["privacy"]))])


def show_attacks(findings: MembershipFindings) -> None:
    """Print a row an attack, the best first, what was skipped and why, and failed controls."""
    from rich.table import Table

    from imprint.core.terminal import safe_console

    console = safe_console()
    table = Table(title="Membership: who was in the training data?", title_justify="left")
    attacks = findings.all_attacks
    rates, reason = _rates(findings.attacks)
    table.add_column("attack", no_wrap=True)
    for name in ("AUC", *(f"TPR at FPR {100 * float(rate):g} %" for rate in rates)):
        table.add_column(name, justify="right")
    table.add_column("balanced accuracy", justify="right")
    table.add_column("controls", justify="right", no_wrap=True)
    for name in names_by_auc(attacks):
        finding = attacks[name]
        table.add_row(
            name,
            _percent(finding.auc),
            *(_percent(finding.tpr_at_fpr[rate]) for rate in rates),
            _percent(finding.balanced_accuracy),
            _verdict(finding),
        )
    console.print(table)
    console.print(f"{attack_verdict(findings.attacks).heading}.", highlight=False, markup=False)
    if reason is not None:
        console.print(f"no TPR at a lower FPR: {reason}", highlight=False)
    if findings.label_only is not None:
        console.print(_of_some(findings.label_only), highlight=False)
    for lack, lacking in _by_reason(findings.skipped).items():
        console.print(f"{', '.join(lacking)} skipped: {lack}", highlight=False, markup=False)
    for sentence in findings.warnings:
        console.print(f"Warning: {sentence}.", highlight=False, markup=False)
    for names, note in notes(attacks):
        console.print(f"{names}: {note}.", highlight=False, markup=False)
    for name, finding in attacks.items():
        for control, result in (finding.controls or {}).items():
            if not result.passed:
                value = _percent(result.value).replace("\n", ", interval ")
                console.print(
                    f"control {control} of {name} FAILED: {value}. {result.what}",
                    highlight=False,
                )


def _by_reason(skipped: Mapping[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        names.setdefault(reason, []).append(name)
    return names


def _rates(attacks: Mapping[str, AttackFinding]) -> tuple[list[str], str | None]:
    """Return the least false positive rates that could be measured, and why there is no lower."""
    rates, reason = [], None
    for rate in sorted({rate for each in attacks.values() for rate in each.tpr_at_fpr}, key=float):
        values = [each.tpr_at_fpr[rate] for each in attacks.values()]
        missing = [value.missing for value in values if isinstance(value, Missing)]
        if len(missing) < len(values):
            rates.append(rate)
        else:
            reason = missing[0]
    return sorted(rates, key=float)[:MOST_RATES][::-1], reason


def _of_some(finding: LabelOnlyFinding) -> str:
    sentence = (
        f"{LABEL_ONLY} is of {finding.auc.n} of the records alone, at {finding.queries} "
        "answers each at most"
    )
    if finding.no_boundary:
        sentence += f"; of {finding.no_boundary} no boundary was found, they tie with the farthest"
    return sentence


def _verdict(finding: AttackFinding) -> str:
    if not finding.controls:
        return "not run"
    return "FAILED" if finding.failed_controls else "passed"


def _percent(estimate: Estimate | Missing) -> str:
    if isinstance(estimate, Missing):
        return "not resolved"
    value, low, high = (_short(100 * x) for x in (estimate.value, *estimate.ci95))
    return f"{value} %\n{low} … {high}"


def _short(percent: float) -> str:
    return f"{percent:.1f}" if percent >= 9.995 else f"{percent:.2f}"
