"""Which sets share how many members: bars over a matrix of dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import INK, MUTED, RULE, TARGET, WIDTH, canvas, panel
from imprint.report.figures.panels import LETTER, clean
from imprint.report.marks import Figure
from imprint.report.wording import Writer, significant

MOST_COLUMN = 30.0
SIZES = 38.0
"""Room for the size of a set beside its name, in plot units."""
BARS, BETWEEN = 106.0, 6.0


@dataclass(frozen=True, kw_only=True)
class Upset(Figure):
    """How many members exactly which sets share: bars over a matrix of dots.

    Attributes:
        names: of the sets; of two names joined by `` = `` each has a line.
        sizes: of the sets, in words.
        columns: which sets share → how many, the most first.
        write: writes a number of members.
    """

    names: Sequence[str]
    sizes: Sequence[str]
    columns: Sequence[tuple[Sequence[bool], float]]
    write: Writer = significant

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_upset(self)


def paint_upset(figure: Upset) -> MatplotlibFigure:
    """Return the drawing."""
    labels = ["\n= ".join(map(clean, name.split(" = "))) for name in figure.names]
    longest = max((len(line) for label in labels for line in label.split("\n")), default=0)
    left = min(200.0, LETTER * longest + SIZES + 12)
    heights = [10.0 + 14 * (label.count("\n") + 1) for label in labels]
    width = min(MOST_COLUMN, (WIDTH - left - 8) / max(1, len(figure.columns)))
    sides = {"left": left, "right": WIDTH - left - width * len(figure.columns)}
    total = sum(heights) + BARS + 38
    drawn, bars = canvas(total, **sides, top=30, bottom=sum(heights) + 8 + BETWEEN)
    dots = panel(drawn, **sides, top=30 + BARS - BETWEEN + 6, bottom=8)
    _draw_bars(bars, figure, width)
    _draw_dots(dots, figure, labels, heights)
    return drawn


def _draw_bars(axes: Axes, figure: Upset, width: float) -> None:
    """Draw a bar an intersection, coloured where sets agree, its count above it."""
    values = [value for _, value in figure.columns]
    colours = [TARGET if sum(sets) > 1 else MUTED for sets, _ in figure.columns]
    axes.bar(range(len(values)), values, 0.62, color=colours)
    texts = [figure.write(value) for value in values]
    # Numbers wider than their column would run into each other.
    turned = 5.6 * max(map(len, texts), default=0) > width
    for column, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.annotate(
            text, (column, value), (0, 3), textcoords="offset points", ha="center", va="bottom",
            color=INK, fontsize=9.5, rotation=90 if turned else 0,
        )  # fmt: skip
    axes.set(xlim=(-0.5, len(values) - 0.5), ylim=(0, max(values, default=1)), xticks=[], yticks=[])
    axes.spines["left"].set_visible(False)


def _draw_dots(axes: Axes, figure: Upset, labels: Sequence[str], heights: Sequence[float]) -> None:
    """Draw one row per set, its name and size on the left, and a dot where a bar is of it."""
    edges = np.concatenate([[0], np.cumsum(heights)])
    middles = (edges[1:] + edges[:-1]) / 2
    for row in range(0, len(labels), 2):
        axes.axhspan(edges[row], edges[row + 1], color=RULE, alpha=0.45, linewidth=0)
    for column, (sets, _) in enumerate(figure.columns):
        on = np.array(sets, dtype=bool)
        shade = TARGET if on.sum() > 1 else MUTED
        x = np.full(len(labels), column)
        axes.plot(x[~on], middles[~on], "o", markersize=4, color=RULE, markeredgewidth=0)
        axes.plot(x[on], middles[on], "o-", markersize=8, color=shade, markeredgewidth=0)
    axes.set(xlim=(-0.5, len(figure.columns) - 0.5), ylim=(edges[-1], 0), xticks=[])
    axes.set_yticks(middles, labels)
    axes.tick_params(length=0, labelcolor=INK, pad=SIZES)
    for middle, size in zip(middles, figure.sizes, strict=True):
        axes.annotate(
            size, (0, middle), (-8, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", color=MUTED, fontsize=10,
            annotation_clip=False,
        )  # fmt: skip
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
