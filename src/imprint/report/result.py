"""What every result of the public API offers: print it, plot it, make a data frame of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from imprint.core.errors import ImprintError
from imprint.report.loggers import log_findings
from imprint.report.marks import Figure
from imprint.report.table import Table

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as MatplotlibFigure

STYLE = (
    "<style>.imprint td,.imprint th{padding:.15em .6em}"
    ".imprint .interval,.imprint .meaning{display:block;font-size:85%;opacity:.7}"
    ".imprint .meaning{font-weight:400}.imprint th button{all:unset}"
    ".imprint .number{text-align:right}.imprint th{text-align:left}"
    ".imprint figure{margin:1.5em 0}.imprint svg{max-width:30rem}</style>"
)
"""What a notebook needs to show tables and figures as the page does."""


class Result:
    """A finding that prints as a table, shows as HTML in a notebook, and can be plotted.

    A subclass, a frozen dataclass, says what its tables and figures are.

    >>> from dataclasses import dataclass
    >>> from imprint.report.table import Column
    >>> @dataclass(frozen=True)
    ... class Accuracy(Result):
    ...     value: float
    ...     def tables(self):
    ...         return [Table([Column("set"), Column("accuracy", "{:.2f}".format)],
    ...                       [["tests", self.value]])]
    >>> print(Accuracy(0.5))
    set    accuracy
    ───────────────
    tests      0.50
    >>> Accuracy(0.5).to_records()
    [{'set': 'tests', 'accuracy': 0.5}]
    """

    def tables(self) -> Sequence[Table]:
        """Return the tables of the result, the most important first."""
        raise NotImplementedError

    def figures(self) -> Sequence[Figure]:
        """Return the figures of the result, the most important first."""
        return ()

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        # @dataclass keeps a __repr__ of the class itself, but replaces an inherited one.
        setattr(cls, "__repr__", Result.__repr__)  # noqa: B010

    def __repr__(self) -> str:
        """Return the tables, so that a prompt shows what ``print`` does."""
        return str(self)

    def __str__(self) -> str:
        from imprint.report.terminal import to_text

        return to_text(self.tables())

    def _repr_html_(self) -> str:
        """Return tables and figures as HTML for a notebook."""
        from imprint.report.plot_files import DAY

        colours = ";".join(f"--{name}:{colour}" for name, colour in DAY.items())
        parts = [
            f"<h4>{escape(table.title)}</h4>{table.html()}" if table.title else str(table.html())
            for table in self.tables()
        ]
        parts += [str(figure.html()) for figure in self.figures()]
        style = f"{colours};max-width:44rem"
        return f'<div class="imprint" style="{style}">{STYLE}{"".join(parts)}</div>'

    def to_records(self, table: int = 0) -> list[dict[str, str | float | None]]:
        """Return the rows of a table; an estimate also gives ``_low``, ``_high`` and ``_n``.

        Raises:
            ImprintError: the result has no such table.
        """
        tables = self.tables()
        if not 0 <= table < len(tables):
            raise ImprintError(
                f"there is no table {table}: {type(self).__name__} has {len(tables)}"
            )
        return tables[table].records()

    def to_frame(self, table: int = 0) -> pandas.DataFrame:
        """Return a table as a pandas data frame.

        Raises:
            ImprintError: pandas is not installed, or the result has no such table.
        """
        try:
            import pandas
        except ImportError:
            raise ImprintError(
                "to_frame() needs pandas: pip install 'imprint[frames]', or take to_records()"
            ) from None
        return pandas.DataFrame.from_records(self.to_records(table))

    def log(self, logger: Any, step: int | None = None) -> dict[str, float]:
        """Write the findings to an experiment tracker; see :func:`imprint.log_findings`."""
        return log_findings(self, logger, step)

    def plot(self, figure: int = 0) -> MatplotlibFigure:
        """Return a figure as a Matplotlib figure, to show or to save.

        Raises:
            ImprintError: the result has no such figure.
        """
        figures = self.figures()
        if not 0 <= figure < len(figures):
            raise ImprintError(
                f"there is no figure {figure}: {type(self).__name__} has {len(figures)}"
            )
        return figures[figure].plot()
