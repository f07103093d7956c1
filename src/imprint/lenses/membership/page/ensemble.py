"""The findings of an ensemble as tables on the terminal."""

from __future__ import annotations

from imprint.core.missing import Missing
from imprint.lenses.membership.ensemble_findings import EnsembleFindings
from imprint.report.prose import Text
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, fixed, percent, plural, significant

SHOWN = 5


def list_ensemble(findings: EnsembleFindings) -> list[Table | Text]:
    """Return accuracies, how much is memorized, the most memorized records, strongest pairs."""
    reasons = [
        f"{number} records have no score: {reason}" for reason, number in findings.missing.items()
    ]
    return [_summary_table(findings), *reasons, _record_table(findings), *_pairs(findings)]


def _summary_table(findings: EnsembleFindings) -> Table:
    accuracy, memorized, scores = findings.accuracy, findings.memorized, findings.scores
    rows: list[list[Value | Cell]] = [
        ["accuracy on records trained on", accuracy.members],
        ["accuracy on the other records", accuracy.others],
        ["difference: mean memorization", accuracy.gap],
        ["accuracy on test examples", accuracy.test],
    ]
    if not isinstance(memorized, Missing) and not isinstance(scores, Missing):
        share = f"{memorized.count} of {memorized.of}"
        by_chance, error = memorized.by_chance, scores.standard_error.median
        rows += [
            [f"records of {memorized.cut:g} and more", Cell(memorized.count, share)],
            ["of them by chance, were none memorized", Cell(by_chance, significant(by_chance))],
            ["median standard error", Cell(error, fixed(3)(error))],
        ]
    title = f"Memorization: {findings.runs} models, {findings.records} records"
    return Table([Column("quantity"), Column("value", percent)], rows, title=title, headings=False)


def _record_table(findings: EnsembleFindings) -> Table:
    rows: list[list[Value | Cell]] = [
        [record.name, record.memorization, record.standard_error]
        for record in findings.most_memorized[:SHOWN]
    ]
    three = fixed(3)
    columns = [Column("record"), Column("memorization", three), Column("standard error", three)]
    return Table(columns, rows, title="Most memorized records")


def _pairs(findings: EnsembleFindings) -> list[Table | Text]:
    pairs = findings.pairs
    if isinstance(pairs, Missing):
        return [f"no pairs: {pairs.missing}"]
    title = (
        f"{plural(pairs.count, 'pair')} with an influence of {pairs.influence_cut:g} and more "
        f"({count(pairs.records)} records, {count(pairs.test_examples)} test examples)"
    )
    if not pairs.strongest:
        return [title]
    three = fixed(3)
    columns = [
        Column("record"),
        Column("test example"),
        Column("influence", three),
        Column("standard error", three),
    ]
    rows: list[list[Value | Cell]] = [
        [pair.file, pair.test_file, pair.influence, pair.standard_error]
        for pair in pairs.strongest[:SHOWN]
    ]
    return [Table(columns, rows, title=title)]
