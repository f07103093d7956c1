"""The findings of the membership lens as a table on the terminal."""

from __future__ import annotations

from typing import Any

from imprint.lenses.membership.page.verdict import attack_verdict, notes
from imprint.lenses.membership.study.privacy.table import show_privacy
from imprint.lenses.membership.study.series.table import show_study
from imprint.report.terminal import TERMINAL

LABEL_ONLY = "label_only"
MOST_RATES = 2


@TERMINAL.register("membership")
def show_membership(findings: dict[str, Any]) -> None:
    """Print what was found: of attacks, of a study, of a privacy audit."""
    if "attacks" in findings:
        show_attacks(findings)
    if "study" in findings:
        show_study(findings["study"])
    if "privacy" in findings:
        show_privacy(findings["privacy"])


def show_attacks(findings: dict[str, Any]) -> None:
    """Print a row an attack, the best first, what was skipped and why, and failed controls."""
    from rich.table import Table

    from imprint.core.terminal import safe_console

    console = safe_console()
    table = Table(title="Membership: who was in the training data?", title_justify="left")
    attacks = dict(findings["attacks"])
    if LABEL_ONLY in findings:
        attacks[LABEL_ONLY] = findings[LABEL_ONLY]
    rates, reason = _rates(findings["attacks"])
    table.add_column("attack", no_wrap=True)
    for name in ("AUC", *(f"TPR at FPR {100 * float(rate):g} %" for rate in rates)):
        table.add_column(name, justify="right")
    table.add_column("balanced accuracy", justify="right")
    table.add_column("controls", justify="right", no_wrap=True)
    for name in sorted(attacks, key=lambda attack: -attacks[attack]["auc"]["value"]):
        found = attacks[name]
        table.add_row(
            name,
            _percent(found["auc"]),
            *(_percent(found["tpr_at_fpr"][rate]) for rate in rates),
            _percent(found["balanced_accuracy"]),
            _verdict(found.get("controls", {})),
        )
    console.print(table)
    console.print(f"{attack_verdict(findings['attacks']).heading}.", highlight=False, markup=False)
    if reason is not None:
        console.print(f"no TPR at a lower FPR: {reason}", highlight=False)
    if LABEL_ONLY in findings:
        console.print(_of_some(findings[LABEL_ONLY]), highlight=False)
    for lack, lacking in _by_reason(findings["skipped"]).items():
        console.print(f"{', '.join(lacking)} skipped: {lack}", highlight=False, markup=False)
    for sentence in findings.get("warnings", ()):
        console.print(f"Warning: {sentence}.", highlight=False, markup=False)
    for names, note in notes(attacks):
        console.print(f"{names}: {note}.", highlight=False, markup=False)
    for name, found in attacks.items():
        for control, result in found.get("controls", {}).items():
            if not result["passed"]:
                value = _percent(result["value"]).replace("\n", ", interval ")
                console.print(
                    f"control {control} of {name} FAILED: {value}. {result['what']}",
                    highlight=False,
                )


def _by_reason(skipped: dict[str, str]) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        names.setdefault(reason, []).append(name)
    return names


def _rates(attacks: dict[str, Any]) -> tuple[list[str], str | None]:
    """Return the least false positive rates that could be measured, and why there is no lower."""
    rates, reason = [], None
    for rate in sorted(
        {rate for found in attacks.values() for rate in found["tpr_at_fpr"]}, key=float
    ):
        values = [found["tpr_at_fpr"][rate] for found in attacks.values()]
        if any("missing" not in value for value in values):
            rates.append(rate)
        else:
            reason = values[0]["missing"]
    return sorted(rates, key=float)[:MOST_RATES][::-1], reason


def _of_some(found: dict[str, Any]) -> str:
    told = (
        f"{LABEL_ONLY} is of {found['auc']['n']} of the records alone, at {found['queries']} "
        "answers each at most"
    )
    if found["no_boundary"]:
        told += f"; of {found['no_boundary']} no boundary was found, they tie with the farthest"
    return told


def _verdict(controls: dict[str, Any]) -> str:
    if not controls:
        return "not run"
    return "passed" if all(result["passed"] for result in controls.values()) else "FAILED"


def _percent(estimate: dict[str, Any]) -> str:
    if "missing" in estimate:
        return "not resolved"
    value, low, high = (_short(100 * x) for x in (estimate["value"], *estimate["ci95"]))
    return f"{value} %\n{low} … {high}"


def _short(percent: float) -> str:
    return f"{percent:.1f}" if percent >= 9.995 else f"{percent:.2f}"
