"""One description of a table, for the page, the terminal, a notebook and a data frame.

>>> from imprint.report.wording import percent
>>> table = Table(
...     [Column("attack"), Column("AUC", percent)],
...     [["loss", Estimate(0.613, (0.58, 0.641), 900)], ["lira", Missing("no shadow models")]],
... )
>>> table.records()[0]
{'attack': 'loss', 'auc': 0.613, 'auc_low': 0.58, 'auc_high': 0.641, 'auc_n': 900}
>>> on_one_line(table.rows[0][1], table.columns[1])
'61.3% [58.0%, 64.1%]'
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from markupsafe import Markup

from imprint.core.missing import Missing
from imprint.report.prose import Text, plain
from imprint.report.wording import MISSING, Writer, interval, narrow_interval, with_interval
from imprint.stats.estimate import Estimate

STACKED_COLUMNS = 5
"""From so many columns on, a row becomes a block of lines on a phone."""


@dataclass(frozen=True)
class Dumbbell:
    """Two shares as dots on a line, drawn on the page alone.

    Attributes:
        start: in [0, 1], the reference.
        end: in [0, 1], the target.
    """

    start: float
    end: float


Value = str | float | Estimate | Missing | Dumbbell | None


@dataclass(frozen=True)
class Cell:
    """A value that needs more than the writer of its column.

    Attributes:
        value: what a data frame holds and what rows are sorted by.
        text: shown in place of the written value, such as ``"3 of 4"``.
        note: a muted line below, on the page alone.
        write: writes the value in place of the writer of the column.
    """

    value: Value
    text: str = ""
    note: Text = ""
    write: Writer | None = None


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: its heading.
        write: writes a number; None for a column of text, which is left-aligned.
        unit: a small word behind the heading, such as ``"points"``.
        key: its name in a data frame; by default made from the title.
        on_phone: whether it is shown on a narrow screen.
    """

    title: str
    write: Writer | None = None
    unit: str = ""
    key: str = ""
    on_phone: bool = True

    @property
    def name(self) -> str:
        """Name in a data frame."""
        return self.key or re.sub(r"\W+", "_", self.title.lower()).strip("_")

    @property
    def heading(self) -> str:
        """Title and unit on one line."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: the first holds the names of the rows.
        rows: values in the order of the columns.
        title: a line above it on a terminal; the page has headings of its own.
        caption: above it on the page.
        note: below it, on the page and on a terminal.
        sorted_by: title of the column that rows come sorted by; set, the page lets readers sort.
        tall: whether it scrolls in a box of its own.
        headings: whether columns have headings.
        anchor: id on the page.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value | Cell]]
    title: str = ""
    caption: Text = ""
    note: Text = ""
    sorted_by: str | None = None
    tall: bool = False
    headings: bool = True
    anchor: str = ""

    def __post_init__(self) -> None:
        """Check that every row has a value a column."""
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} values in a row of {len(self.columns)} columns")

    @property
    def stacked(self) -> bool:
        """Whether a row becomes a block of lines on a phone."""
        shown = [column for column in self.columns if column.on_phone]
        return self.headings and not self.tall and len(shown) >= STACKED_COLUMNS

    def sortable(self, column: Column) -> bool:
        """Return whether the page lets readers sort by a column: not by one of drawings."""
        place = self.columns.index(column)
        return not any(isinstance(_value(row[place]), Dumbbell) for row in self.rows)

    def html(self) -> Markup:
        """Return the table for the page."""
        from imprint.report.templating import render

        rows = [
            [_Shown.of(value, column) for value, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]
        return Markup(render("table.html.j2", table=self, rows=rows))

    def records(self) -> list[dict[str, str | float | None]]:
        """Return one mapping a row; an estimate also gives ``_low``, ``_high`` and ``_n``."""
        estimates = {
            column.name
            for row in self.rows
            for cell, column in zip(row, self.columns, strict=True)
            if isinstance(_value(cell), Estimate)
        }
        return [self._record(row, estimates) for row in self.rows]

    def _record(
        self, row: Sequence[Value | Cell], estimates: set[str]
    ) -> dict[str, str | float | None]:
        record: dict[str, str | float | None] = {}
        for cell, column in zip(row, self.columns, strict=True):
            value, name = _value(cell), column.name
            if isinstance(value, Dumbbell):
                continue
            if name not in estimates:
                record[name] = None if isinstance(value, (Missing, Estimate)) else value
                continue
            known = value if isinstance(value, Estimate) else None
            low, high = known.ci95 if known else (None, None)
            alone = value if isinstance(value, (int, float, str)) else None
            record |= {
                name: known.value if known else alone,
                f"{name}_low": low,
                f"{name}_high": high,
                f"{name}_n": known.n if known else None,
            }
        return record


def _value(cell: Value | Cell) -> Value:
    return cell.value if isinstance(cell, Cell) else cell


def _writer(cell: Value | Cell, column: Column) -> Writer | None:
    return (cell.write if isinstance(cell, Cell) else None) or column.write


def on_one_line(cell: Value | Cell, column: Column) -> str:
    """Return what a cell says, its interval behind the value."""
    shown, value, write = _Shown.of(cell, column), _value(cell), _writer(cell, column)
    if isinstance(value, Estimate) and shown.interval and write is not None:
        return with_interval(value, write)
    return shown.text


def on_two_lines(cell: Value | Cell, column: Column) -> str:
    """Return what a cell says, its interval on a line below the value."""
    shown, value, write = _Shown.of(cell, column), _value(cell), _writer(cell, column)
    if isinstance(value, Estimate) and shown.interval and write is not None:
        return f"{shown.text}\n{narrow_interval(value, write)}"
    return shown.text


@dataclass(frozen=True)
class _Shown:
    """A cell as the page shows it.

    Attributes:
        text: the value in words.
        interval: below it, empty for none.
        note: below it, empty for none.
        exact: the number for machines, None where there is none.
        sort: what rows are sorted by.
        reason: why there is no value.
        dumbbell: drawn in place of the text.
    """

    text: str
    interval: str = ""
    note: Text = ""
    exact: float | None = None
    sort: str = ""
    reason: str = ""
    dumbbell: Dumbbell | None = None

    @classmethod
    def of(cls, cell: Value | Cell, column: Column) -> _Shown:
        value, note = _value(cell), cell.note if isinstance(cell, Cell) else ""
        text = cell.text if isinstance(cell, Cell) else ""
        if isinstance(value, Dumbbell):
            return cls("", dumbbell=value)
        if value is None or isinstance(value, Missing):
            reason = value.missing if isinstance(value, Missing) else ""
            return cls(text or MISSING, note=note, sort="nan", reason=reason)
        if isinstance(value, str):
            return cls(text or value, note=note, sort=value if column.write is None else "nan")
        write = _writer(cell, column) or str
        if isinstance(value, Estimate):
            below = interval(value, write) if not text and math.isfinite(value.ci95[0]) else ""
            exact = float(value.value)
            return cls(text or write(exact), below, note, exact, str(exact))
        sort = str(value) if math.isfinite(value) else "nan"
        return cls(text or write(value), note=note, exact=value, sort=sort)


def plain_note(table: Table) -> str:
    """Return the note below a table without its marks."""
    return plain(table.note)


@runtime_checkable
class HasTables(Protocol):
    """A result that says itself what its tables are."""

    def tables(self) -> Sequence[Table]:
        """Return the tables, the most important first."""
        ...
