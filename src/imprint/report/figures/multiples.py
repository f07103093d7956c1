"""Small panels side by side, one of each thing, with one legend for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import INK, MUTED, WIDTH, canvas, panel
from imprint.report.figures.lines import Lines, paint_panel
from imprint.report.figures.panels import (
    LEGEND_ROW,
    Entry,
    colour,
    draw_legend,
    legend_rows,
    short,
)
from imprint.report.marks import Figure, Key

LEFT, RIGHT, BETWEEN = 8.0, 20.0, 20.0
NUMBERS = 26.0
"""Room for the numbers beside a y axis."""
HEAD, FOOT, TITLE = 22.0, 22.0, 20.0
"""Room above each panel for its name, below it for numbers, and below all for the title of x."""
MOST_TICKS = 3
MOST_NAME = 30


@dataclass(frozen=True, kw_only=True)
class Multiples(Figure):
    """Small panels, row by row, each with the title of its figure above.

    Attributes:
        panels: figures of one panel; their captions and legends are not shown.
        x: what all x axes show; empty for nothing.
        keys: entries of the legend above all panels.
        columns: panels in a row.
        height: of each panel in plot units.
        numbered: whether numbers stand beside the y axes.
    """

    panels: Sequence[Lines]
    x: str = ""
    keys: Sequence[Key] = ()
    columns: int = 2
    height: float = 72.0
    numbered: bool = False

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_multiples(self)


def paint_multiples(figure: Multiples) -> MatplotlibFigure:
    """Return the drawing."""
    entries = [Entry(key.name, colour(key.colour), key.dash) for key in figure.keys]
    legend = legend_rows(entries, WIDTH - LEFT - RIGHT)
    top = LEGEND_ROW * len(legend) + (4 if legend else 0)
    rows = -(-len(figure.panels) // figure.columns)
    row = HEAD + figure.height + FOOT
    total = top + rows * row + (TITLE if figure.x else 0)
    numbers = NUMBERS if figure.numbered else 0.0
    free = WIDTH - LEFT - RIGHT - numbers * figure.columns - BETWEEN * (figure.columns - 1)
    width = free / figure.columns
    drawn, whole = canvas(total, left=LEFT, right=RIGHT, top=top, bottom=total - top - 1)
    whole.set_axis_off()
    draw_legend(whole, legend)
    for number, each in enumerate(figure.panels):
        down, across = divmod(number, figure.columns)
        left = LEFT + numbers + across * (width + BETWEEN + numbers)
        above = top + down * row + HEAD
        axes = panel(
            drawn,
            left=left,
            right=WIDTH - left - width,
            top=above,
            bottom=total - above - figure.height,
        )
        _paint(axes, each, figure.numbered)
    if figure.x:
        drawn.text(0.5, 6 / total, figure.x, color=MUTED, ha="center", va="baseline")
    return drawn


def _paint(axes: Axes, figure: Lines, numbered: bool) -> None:
    paint_panel(axes, figure, MOST_TICKS)
    axes.set(xlabel="", ylabel="")
    if not numbered:
        axes.tick_params(labelleft=False)
        axes.grid(visible=False, axis="y")
    axes.tick_params(labelsize=9.5)
    axes.annotate(
        short(figure.title, MOST_NAME), (0, 1), (0, 5), xycoords="axes fraction",
        textcoords="offset points", color=INK, fontsize=10.5,
    )  # fmt: skip
