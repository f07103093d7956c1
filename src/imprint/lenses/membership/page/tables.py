"""Tables, headlines and controls of attacks, for page, terminal and notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imprint.lenses.membership.findings import CHANCE, AttackFinding, names_by_auc
from imprint.report.blocks import Block, Bullets, ControlResult, Details
from imprint.report.headline import Headline
from imprint.report.prose import Text, prose
from imprint.report.table import Cell, Column, Table
from imprint.report.wording import count, decimal, fixed, percent, plural, short_percent
from imprint.stats.control import Control

BELOW_CHANCE = (
    " Less than guessing: members score lower than non-members, as where a sign is turned, the "
    "classes are in another order or the members are the harder ones."
)


def words_of(kind: str) -> str:
    """Return what the page calls a kind of signal."""
    from imprint.probe.signals.signal import signal_kinds

    known = {name: signal.words for name, signal in signal_kinds().items()}
    known |= {"distance": "distance to the boundary", "log_loss": "logarithm of the loss"}
    return known.get(kind, kind)


def attack_table(attacks: Mapping[str, AttackFinding], rates: list[str], title: str = "") -> Table:
    """Return one row per attack, the greatest AUC first.

    Args:
        attacks: by name.
        rates: false positive rates to show the TPR at.
        title: above it on a terminal.
    """
    has_queries = any(finding.queries is not None for finding in attacks.values())
    columns = [
        Column("Attack"),
        Column("AUC", percent),
        *(Column(f"TPR at {short_percent(float(rate))} FPR", percent) for rate in rates),
        Column("Balanced accuracy", percent),
        *([Column("Queries", count)] if has_queries else []),
        Column("Controls passed", count),
    ]
    rows = []
    for name in names_by_auc(attacks):
        finding = attacks[name]
        row = [
            Cell(name, note=words_of(finding.reads)),
            finding.auc,
            *(finding.tpr_at_fpr.get(rate) for rate in rates),
            finding.balanced_accuracy,
            *([finding.queries] if has_queries else []),
            _passed(finding),
        ]
        rows.append(row)
    return Table(columns, rows, title=title, sorted_by="AUC")


def _passed(finding: AttackFinding) -> Cell:
    if not finding.controls:
        return Cell(None, "not run")
    passed = len(finding.controls) - len(finding.failed_controls)
    return Cell(passed, f"{passed} of {len(finding.controls)}")


def control_results(attacks: Mapping[str, AttackFinding]) -> list[ControlResult]:
    """Return one result a kind of control, over all attacks; kinds that failed first."""
    kinds: dict[str, dict[str, Control]] = {}
    for name, finding in attacks.items():
        for kind, control in (finding.controls or {}).items():
            kinds.setdefault(kind, {})[name] = control
    results = [_control_result(kind, controls) for kind, controls in kinds.items()]
    return sorted(results, key=lambda result: result.passed)


def _control_result(kind: str, controls: Mapping[str, Control]) -> ControlResult:
    write = fixed(3)
    areas = [write(control.value.value) for control in controls.values()]
    failed = [name for name, control in controls.items() if not control.passed]
    first = next(iter(controls.values()))
    low, high = min(areas, key=_sortable), max(areas, key=_sortable)
    return ControlResult(
        kind.replace("_", " "),
        first.what + (f" Failed: {', '.join(failed)}." if failed else ""),
        not failed,
        low if len(areas) == 1 else f"{low} to {high}",
        write(first.expected),
        plural(len(controls), "attack"),
    )


def _sortable(text: str) -> float:
    return float(text.replace("−", "-"))


def warn_of_controls(failed: Sequence[str]) -> list[Text]:
    """Return a warning that names the controls that failed; nothing where none did."""
    if not failed:
        return []
    return [
        prose(
            "<b>A control failed: {}.</b> Find out why before you rely on the scores. "
            '<a href="#membership-controls">See the controls</a>',
            ", ".join(failed),
        )
    ]


def skipped_details(skipped: Mapping[str, str]) -> list[Block]:
    """Return why attacks were not run, folded away; nothing where all were."""
    if not skipped:
        return []
    return [Details(f"{plural(len(skipped), 'attack')} not run", [Bullets(list(skipped.items()))])]


def note_bullets(attacks: Mapping[str, AttackFinding]) -> list[Block]:
    """Return the notes on the numbers of attacks; nothing where there are none."""
    notes = [(names, f"{note}.") for names, note in collect_notes(attacks)]
    return [Bullets(notes)] if notes else []


def collect_notes(attacks: Mapping[str, AttackFinding]) -> list[tuple[str, str]]:
    """Return each note once, behind the names of its attacks."""
    names: dict[str, list[str]] = {}
    for name, finding in attacks.items():
        if finding.note is not None:
            names.setdefault(finding.note, []).append(name)
    return [(", ".join(several), note) for note, several in names.items()]


def attack_headlines(
    attacks: Mapping[str, AttackFinding], best: str, least: str | None, of: str = "record"
) -> list[Headline]:
    """Return the TPR of the best attack at the least rate that was measured, and its AUC.

    Args:
        attacks: by name.
        best: name of the best.
        least: the false positive rate; None leaves the TPR out.
        of: what the estimates are over.
    """
    area, lines = attacks[best].auc, []
    if least is not None:
        tpr, rate = attacks[best].tpr(least), short_percent(float(least))
        sentence = (
            f"When {rate} of the non-members are called members by mistake, {best} finds "
            f"{percent(tpr.value)} of the members. Guessing would find {rate}."
        )
        lines.append(Headline(f"TPR at {rate} FPR", tpr, float(least), sentence, of))
    times = decimal(100 * area.value, 0)
    sentence = (
        f"Given one member and one non-member, {best} scores the member higher {times} times in "
        f"100. Guessing: 50.{BELOW_CHANCE if area.high < CHANCE else ''}"
    )
    return [*lines, Headline("AUC", area, CHANCE, sentence, of)]
