"""Counts in bins, upwards and downwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.ticker import FuncFormatter

from imprint.report.drawing import INK, MUTED, REFERENCE, TARGET, canvas
from imprint.report.figures.panels import DASHES, label_vertical, set_ticks
from imprint.report.marks import Axis, Figure, Level, Numbers

HEIGHT = 310.0
LEAST_ON_LOG = 0.7
NOTE_SHARE = 0.12
"""Least part of a two-sided panel on either side of zero: a note is 12 of 250 plot units high."""


@dataclass(frozen=True, kw_only=True)
class Histogram(Figure):
    """Counts in bins, upwards, and perhaps others downwards.

    Attributes:
        x: the axis of the values.
        y: the axis of the counts.
        edges: float64 ``[bins + 1]``, rising.
        up: ``[bins]``.
        down: ``[bins]``, drawn downwards in the colour of the reference; None for none.
        notes: what is written in the upper and the lower corner.
        cut: a vertical line; None for none.
        muted_below: from where on bins have a colour; None for all.
    """

    x: Axis
    y: Axis
    edges: Numbers
    up: Numbers
    down: Numbers | None = None
    notes: tuple[str, str] = ("", "")
    cut: Level | None = None
    muted_below: float | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_histogram(self)


def paint_histogram(figure: Histogram) -> MatplotlibFigure:
    """Return the drawing."""
    labelled = figure.cut is not None and bool(figure.cut.label)
    drawn, axes = canvas(HEIGHT, left=52, right=14, top=26 if labelled else 14, bottom=46)
    edges = np.asarray(figure.edges, dtype=np.float64)
    up = np.asarray(figure.up, dtype=np.float64)
    axes.set_xscale("log" if figure.x.log else "linear")
    axes.set_yscale("log" if figure.y.log else "linear")
    _draw_bins(axes, edges, up, _colours(figure, edges))
    most = float(up.max(initial=0.0))
    if figure.down is None:
        low = LEAST_ON_LOG if figure.y.log else 0.0
        axes.set_ylim(low, max(2.0, 2.0 * most) if figure.y.log else 1.12 * most or 1.0)
    else:
        down = np.asarray(figure.down, dtype=np.float64)
        _draw_bins(axes, edges, -down, [REFERENCE] * len(down))
        axes.axhline(0, color=MUTED, linewidth=1)
        least = float(down.max(initial=0.0))
        # At least a tenth of the panel on either side, where the notes stand clear of the other's.
        side = NOTE_SHARE * (most + least)
        axes.set_ylim(-max(1.16 * least, side) - 0.1, max(1.16 * most, side) + 0.1)
    axes.set_xlim(float(edges[0]), float(edges[-1]))
    if figure.cut is not None and edges[0] < figure.cut.value < edges[-1]:
        axes.axvline(figure.cut.value, color=INK, linewidth=1, linestyle=DASHES[figure.cut.dash])
        if figure.cut.label:
            label_vertical(axes, figure.cut.value, figure.cut.label)
    set_ticks(axes.xaxis, figure.x)
    set_ticks(axes.yaxis, figure.y)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: figure.y.write(abs(float(value))))
    )
    axes.set_xlabel(figure.x.title)
    axes.set_ylabel(figure.y.title)
    for text, y, va, shade in zip(
        figure.notes, (0.97, 0.03), ("top", "bottom"), (TARGET, REFERENCE), strict=True
    ):
        axes.text(0.98, y, text, color=shade, ha="right", va=va, transform=axes.transAxes)
    return drawn


def _colours(figure: Histogram, edges: np.ndarray) -> list[str]:
    if figure.muted_below is None:
        return [TARGET] * (len(edges) - 1)
    return [TARGET if left >= figure.muted_below - 1e-9 else MUTED for left in edges[:-1]]


def _draw_bins(axes: Axes, edges: np.ndarray, counts: np.ndarray, colours: list[str]) -> None:
    axes.bar(edges[:-1], counts, np.diff(edges) * 0.92, align="edge", color=colours)
