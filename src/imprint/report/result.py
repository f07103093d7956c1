"""What every result of the public API offers: print it, plot it, make a data frame of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imprint.core.errors import ImprintError
from imprint.report.marks import Figure
from imprint.report.table import Table

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure as MatplotlibFigure


class Result:
    """A finding that prints as a table, shows as HTML in a notebook, and can be plotted.

    A subclass, a frozen dataclass, says what its tables and figures are.
    """

    def tables(self) -> Sequence[Table]:
        """Return the tables of the result, the most important first."""
        raise NotImplementedError

    def figures(self) -> Sequence[Figure]:
        """Return the figures of the result, the most important first."""
        return ()

    def __str__(self) -> str:
        from imprint.report.terminal import to_text

        return to_text(self.tables())

    def _repr_html_(self) -> str:
        return "\n".join(
            f"{f'<h4>{table.title}</h4>' if table.title else ''}{table.html()}"
            for table in map(_with_safe_title, self.tables())
        )

    def records(self, table: int = 0) -> list[dict[str, str | float | None]]:
        """Return the rows of a table; an estimate also gives ``_low``, ``_high`` and ``_n``."""
        return self.tables()[table].records()

    def to_frame(self, table: int = 0) -> pandas.DataFrame:
        """Return a table as a pandas data frame.

        Raises:
            ImprintError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ImprintError(
                "to_frame() needs pandas: pip install 'imprint[frames]', or take records() instead"
            ) from None
        return pandas.DataFrame.from_records(self.records(table))

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


def _with_safe_title(table: Table) -> Table:
    import dataclasses

    from markupsafe import escape

    return dataclasses.replace(table, title=str(escape(table.title)))
