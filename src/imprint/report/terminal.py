"""What a study prints on the terminal at its end, and how lenses register it.

A table is fitted to the width of the terminal, and no interval is broken: intervals stand behind
their values where there is room, else below them; then long names are wrapped; and what still does
not fit goes into a second table with the same names of rows.

>>> from imprint.report.wording import percent
>>> from imprint.stats.estimate import Estimate
>>> columns = [Column("attack"), Column("AUC", percent)]
>>> rows = [["loss", Estimate(0.613, (0.58, 0.641), 900)], ["lira", None]]
>>> print(to_text([Table(columns, rows)]))
attack                   AUC
────────────────────────────
loss    61.3% [58.0%, 64.1%]
lira                       –
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from imprint.core.errors import printable
from imprint.core.registry import Registry
from imprint.report.prose import Text, plain
from imprint.report.table import Cell, Column, Table, Value, on_one_line, on_two_lines
from imprint.study.plain import JsonObject

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

Printed = Table | Text
"""What a terminal shows: a table, or a sentence."""

Show = Callable[[JsonObject], Sequence[Printed]]
"""Returns what to print of one key of ``lenses`` in ``summary.json``."""

TERMINAL: Registry[Show] = Registry("analysis", "imprint.lenses.*.page")

LEAST_TEXT_WIDTH = 12
"""Columns that a column of text keeps when it is wrapped."""
BESIDE = 2
"""Spaces between two columns."""
MOST_WORD = 24
"""Letters of a word beyond which it is broken."""

Layout = Callable[[Value | Cell, Column], str]


def print_all(parts: Sequence[Printed], console: Console | None = None) -> None:
    """Print tables and sentences on standard output.

    Args:
        parts: in their order.
        console: where to; None for standard output.
    """
    from imprint.core.terminal import safe_console

    console = safe_console(highlight=False) if console is None else console
    for part in parts:
        if isinstance(part, Table):
            _print_table(console, part)
        elif part:
            console.print(plain(part), highlight=False, soft_wrap=True)


def to_text(parts: Sequence[Printed], width: int = 80) -> str:
    """Return what :func:`print_all` prints, without styles."""
    from imprint.core.terminal import safe_console

    buffer = io.StringIO()
    print_all(parts, safe_console(highlight=False, width=width, file=buffer))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()).strip("\n")


def _print_table(console: Console, table: Table) -> None:
    if table.title:
        console.print(table.title, highlight=False, soft_wrap=True)
    for place, (part, layout) in enumerate(_fitted(table, console.width)):
        if place:
            console.print()
        console.print(_rich(part, layout, console.width))
    if table.note:
        console.print(plain(table.note), highlight=False, soft_wrap=True)


def _fitted(table: Table, width: int) -> list[tuple[Table, Layout]]:
    """Return the table, or parts of its columns, and how cells are laid out to fit a width."""
    for layout in (on_one_line, on_two_lines):
        if _total(_widths(table, layout)) <= width:
            return [(table, layout)]
    parts: list[tuple[Table, Layout]] = []
    start = 1
    while start < len(table.columns):
        stop = start + 1
        while stop < len(table.columns) and (
            _total(_least_widths(_columns(table, start, stop + 1), on_two_lines)) <= width
        ):
            stop += 1
        parts.append((_columns(table, start, stop), on_two_lines))
        start = stop
    return parts or [(table, on_two_lines)]


def _columns(table: Table, start: int, stop: int) -> Table:
    """Return the names of the rows and some of the columns."""
    return Table(
        [table.columns[0], *table.columns[start:stop]],
        [[row[0], *row[start:stop]] for row in table.rows],
        headings=table.headings,
    )


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + BESIDE * len(widths)


def _widths(table: Table, layout: Layout) -> list[int]:
    """Return the letters of every column where only headings are wrapped."""
    return [
        max(
            _widest([layout(row[place], column) for row in table.rows]),
            _longest_word(column.heading) if table.headings else 0,
        )
        for place, column in enumerate(table.columns)
    ]


def _least_widths(table: Table, layout: Layout) -> list[int]:
    """Return the letters of every column where texts are wrapped too, between words."""
    widths = []
    for place, (column, width) in enumerate(
        zip(table.columns, _widths(table, layout), strict=True)
    ):
        words = [_longest_word(layout(row[place], column)) for row in table.rows]
        longest = min(max([LEAST_TEXT_WIDTH, *words]), MOST_WORD)
        widths.append(min(width, longest) if column.write is None else width)
    return widths


def _spread(table: Table, layout: Layout, width: int) -> list[int]:
    """Return the letters of every column such that the table fills a width at most."""
    widths, natural = _least_widths(table, layout), _widths(table, layout)
    if table.headings:
        headings = (_cell_len(column.heading) for column in table.columns)
        natural = [max(pair) for pair in zip(natural, headings, strict=True)]
    room = width - _total(widths)
    for place, wanted in enumerate(natural):
        more = max(0, min(room, wanted - widths[place]))
        widths[place] += more
        room -= more
    return widths


def _longest_word(text: str) -> int:
    return max(map(_cell_len, text.split()), default=0)


def _widest(cells: Sequence[str]) -> int:
    return max((_cell_len(line) for cell in cells for line in cell.split("\n")), default=0)


def _cell_len(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(printable(text))


def _rich(table: Table, layout: Layout, width: int) -> RichTable:
    from rich.box import SIMPLE
    from rich.table import Table as RichTable

    drawn = RichTable(
        box=SIMPLE if table.headings else None,
        show_header=table.headings,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0) if table.headings else (0, BESIDE, 0, 0),
    )
    for column, letters in zip(table.columns, _spread(table, layout, width), strict=True):
        justify: Literal["left", "right"] = "left" if column.write is None else "right"
        drawn.add_column(column.heading, justify=justify, width=letters, overflow="fold")
    for row in table.rows:
        cells = (layout(cell, column) for cell, column in zip(row, table.columns, strict=True))
        drawn.add_row(*("\n".join(map(printable, cell.split("\n"))) for cell in cells))
    return drawn
