"""Brittleness on the page: what removing the most helpful records does to predictions."""

from __future__ import annotations

from imprint.lenses.leave_one_out.brittleness_findings import BrittlenessFindings, Removal
from imprint.report.blocks import Block, Paragraph, Part
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import fixed, percent, plural, with_interval

NAMES = {"random": "random records", "same_class": "random records of its class"}


def brittleness_part(findings: BrittlenessFindings) -> Part:
    """Return the verdict, the table, and what it rests on."""
    note = (
        f"{plural(findings.queries, 'held-out query', 'held-out queries')} that networks predict "
        "right. For each, the records of largest influence on it are removed together, and "
        f"{plural(findings.networks, 'network')} trained without them from the same start. "
        "Flipped: no longer predicted right. Margin fall: of the right class against all others. "
        "Intervals are over queries."
    )
    blocks: list[Block] = [
        Paragraph(brittleness_statement(findings), "plain"),
        brittleness_table(findings),
        Paragraph(note),
    ]
    return Part("Without the most helpful records", blocks, "retraining-brittleness")


def brittleness_statement(findings: BrittlenessFindings) -> str:
    """Return in a sentence whether the influential records matter more than random ones."""
    name, last = max(
        ((name, rows[-1]) for name, rows in findings.tables.items()),
        key=lambda item: item[1].margin_fall.value,
    )
    control = findings.controls["same_class"][-1]
    apart = last.margin_fall.low > control.margin_fall.high
    verdict = "matter more than" if apart else "do not matter beyond noise more than"
    return (
        f"The {last.removed} most helpful records by {name.replace('_', ' ')} {verdict} random "
        f"ones of the same class: margin fall {with_interval(last.margin_fall, fixed(2))} against "
        f"{with_interval(control.margin_fall, fixed(2))}, flipped {percent(last.flipped.value)} "
        f"against {percent(control.flipped.value)}."
    )


def brittleness_table(findings: BrittlenessFindings) -> Table:
    """Return one row per table and number of records, the controls last."""
    columns = [
        Column("Removed by"),
        Column("Records", "{:.0f}".format),
        Column("Flipped", percent),
        Column("Margin fall", fixed(2)),
    ]
    rows = [
        _row(name.replace("_", " "), each)
        for name, removals in findings.tables.items()
        for each in removals
    ]
    rows += [
        _row(NAMES[name], each) for name, removals in findings.controls.items() for each in removals
    ]
    return Table(columns, rows, title="Predictions without removed records (95 % interval)")


def _row(name: str, removal: Removal) -> list[Value | Cell]:
    return [name, removal.removed, removal.flipped, removal.margin_fall]
