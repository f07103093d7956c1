"""Ranked neurons, by attribution or by votes: on the page, the terminal and the front page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imprint.lenses.coverage.findings import ImportanceFindings, WisdomFindings
from imprint.lenses.coverage.page.tables import importance_tables, selector_table, vote_table
from imprint.report.blocks import Block, Part, Verdict
from imprint.report.lens import LensVerdict
from imprint.report.table import Table


def importance_blocks(findings: ImportanceFindings) -> Iterator[Block]:
    """Yield the leading neurons of every attribution."""
    yield from _blocks(importance_tables(findings))


def wisdom_blocks(findings: WisdomFindings) -> Iterator[Block]:
    """Yield the vote, and the selector where one was trained."""
    yield from _blocks(wisdom_tables(findings))


def wisdom_tables(findings: WisdomFindings) -> list[Table]:
    """Return the table of the vote, and that of the selector where one was trained."""
    selector = [] if findings.selector is None else [selector_table(findings.selector)]
    return [vote_table(findings), *selector]


def importance_verdict(findings: ImportanceFindings) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict("Neurons were ranked by attribution", found=False)


def wisdom_verdict(findings: WisdomFindings) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict("Neurons were ranked by votes of attributions", found=False)


def _blocks(tables: Sequence[Table]) -> Iterator[Block]:
    yield Verdict("Which neurons matter", found=False, anchor="coverage-result")
    yield from (Part(table.title, [table]) for table in tables)
