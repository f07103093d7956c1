"""Ranked neurons, by attribution or by votes: on the page, the terminal and the front page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imprint.lenses.coverage.findings import (
    ChosenAttributions,
    ImportanceByMethod,
    ImportanceFindings,
    WisdomFindings,
)
from imprint.lenses.coverage.page.figures.methods import rate_matrices, win_bars
from imprint.lenses.coverage.page.figures.scores import importance_bars, vote_bars
from imprint.lenses.coverage.page.tables import importance_tables, selector_table, vote_table
from imprint.report.blocks import Block, Figures, Part, Verdict
from imprint.report.figure import Figure
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import percent, plural

MAX_DRAWN = 4
"""Attributions whose leading neurons are drawn; tables have all."""


def importance_blocks(findings: ImportanceFindings) -> Iterator[Block]:
    """Yield the leading neurons of every attribution."""
    methods = list(findings.importance.methods.items())[:MAX_DRAWN]
    bars = [importance_bars(name, each) for name, each in methods if each.leading]
    yield from _blocks(importance_tables(findings), bars)


def wisdom_blocks(findings: WisdomFindings) -> Iterator[Block]:
    """Yield the vote, and the selector where one was trained."""
    figures: list[Figure] = [vote_bars(findings.wisdom), win_bars(findings.wisdom)]
    if findings.selector is not None and findings.selector.optimal is not None:
        figures += rate_matrices(findings.selector.optimal)
    yield from _blocks(wisdom_tables(findings), figures)


def wisdom_tables(findings: WisdomFindings) -> list[Table]:
    """Return the table of the vote, and that of the selector where one was trained."""
    selector = [] if findings.selector is None else [selector_table(findings.selector)]
    return [vote_table(findings), *selector]


def chosen_blocks(findings: ChosenAttributions) -> Iterator[Block]:
    """Yield what a selector chose, and the neurons that this ranks."""
    yield from _blocks(chosen_tables(findings))


def chosen_tables(findings: ChosenAttributions) -> list[Table]:
    """Return how often each attribution is chosen, and the leading neurons by them."""
    methods = list(next(iter(findings.shares.values())))
    columns = [Column("Scope"), *(Column(name, percent) for name in methods)]
    rows: list[list[Value | Cell]] = [
        [scope, *shares.values()] for scope, shares in findings.shares.items()
    ]
    title = f"Chosen attributions of {plural(findings.images, 'image')}"
    leading = ImportanceByMethod("none", {"the chosen attributions": findings.importance})
    return [Table(columns, rows, title=title), *importance_tables(ImportanceFindings(leading))]


def chosen_verdict(findings: ChosenAttributions) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict("Neurons were ranked by the attribution chosen for each image", found=False)


def importance_verdict(findings: ImportanceFindings) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict("Neurons were ranked by attribution", found=False)


def wisdom_verdict(findings: WisdomFindings) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict("Neurons were ranked by votes of attributions", found=False)


def _blocks(tables: Sequence[Table], figures: Sequence[Figure] = ()) -> Iterator[Block]:
    yield Verdict("Which neurons matter", found=False, anchor="coverage-result")
    if figures:
        yield Figures(figures)
    yield from (Part(table.title, [table]) for table in tables)
