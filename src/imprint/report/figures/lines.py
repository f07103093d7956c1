"""Lines, steps and points over two axes, with intervals, areas, levels and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.core.arrays import FloatArray
from imprint.report.drawing import WIDTH, canvas, panel
from imprint.report.figures.limits import axis_range, finite
from imprint.report.figures.panels import (
    DASHES,
    LEGEND_ROW,
    LETTER,
    MARKERS,
    MOST_TICKS,
    Entry,
    clean,
    colour,
    draw_legend,
    label_vertical,
    left_margin,
    legend_rows,
    name_ends,
    set_ticks,
    short,
)
from imprint.report.marks import (
    Area,
    Axis,
    Colour,
    Dash,
    Figure,
    Key,
    Label,
    Level,
    Numbers,
    Series,
)

CYCLE: Sequence[tuple[Colour, Dash]] = (
    ("target", "solid"),
    ("reference", "dashed"),
    ("ink", "sparse"),
    ("correlated", "dash-dot"),
)
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 14.0, 46.0
BETWEEN = 26.0
"""Plot units between two panels."""
APART = 0.012
"""How far points of two series at one place are moved, as a share of the axis."""
PAD = 0.07
LEAST_BELOW = 14.0
"""Plot units below the x axis that its names have anyway."""
TITLE_ROOM = 14.0
"""Plot units that the title beside the y axis needs."""
TURN = 40
"""Degrees by which names below the x axis are turned where they would meet."""


@dataclass(frozen=True, kw_only=True)
class Lines(Figure):
    """Lines, steps or points over two axes.

    Attributes:
        x: the axis from left to right.
        y: the axis from below.
        series: drawn in their order.
        levels: lines across the panel.
        areas: below everything else.
        labels: on top.
        legend: names ``above`` the panel, at the ``ends`` of the lines, or ``none``.
        keys: entries of a legend above, in place of those of the series.
        apart: whether points at one place are moved apart a little, so that whiskers do not meet.
        height: of the panel in plot units.
        below: a second panel under the first that shares its x axis.
    """

    x: Axis
    y: Axis
    series: Sequence[Series] = ()
    levels: Sequence[Level] = ()
    areas: Sequence[Area] = ()
    labels: Sequence[Label] = ()
    legend: Literal["above", "ends", "none"] = "above"
    keys: Sequence[Key] = ()
    apart: bool = False
    height: float = 240.0
    below: Lines | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_lines(self)


def paint_lines(figure: Lines) -> MatplotlibFigure:
    """Return the drawing of one panel, or of two below one another."""
    panels = [figure] if figure.below is None else [figure, figure.below]
    right = max(_right(each) for each in panels)
    left = max(LEFT, *(TITLE_ROOM + _name_room(each.y) for each in panels))
    bottom = BOTTOM
    if are_crowded(panels[-1].x, WIDTH - left - right):
        bottom += float(np.sin(np.deg2rad(TURN))) * _name_room(panels[-1].x) - LEAST_BELOW
    rows = [legend_rows(_entries(each), WIDTH - left - right) for each in panels]
    tops = [TOP + (LEGEND_ROW * len(legend) + 7 if legend else 0.0) for legend in rows]
    heights = [top + each.height for top, each in zip(tops, panels, strict=True)]
    total = sum(heights) + bottom + BETWEEN * (len(panels) - 1)
    drawn: MatplotlibFigure | None = None
    above = 0.0
    for number, each in enumerate(panels):
        margins = {
            "left": left,
            "right": right,
            "top": above + tops[number],
            "bottom": total - above - heights[number],
        }
        if drawn is None:
            drawn, axes = canvas(total, **margins)
        else:
            axes = panel(drawn, **margins)
        paint_panel(axes, each)
        draw_legend(axes, rows[number])
        if number + 1 < len(panels):
            axes.tick_params(labelbottom=False)
            axes.set_xlabel("")
        above += heights[number] + BETWEEN
    assert drawn is not None
    return drawn


def _name_room(axis: Axis) -> float:
    """Return the room that the names beside an axis need; 0 of numbers."""
    return left_margin([label for _, label in axis.ticks]) if axis.ticks else 0.0


def are_crowded(axis: Axis, width: float) -> bool:
    """Return whether the names below an axis of a width in plot units would meet."""
    return sum(LETTER * len(short(label)) + 8 for _, label in axis.ticks) > width


def _right(figure: Lines) -> float:
    """Return the room that names at the ends of lines need."""
    if figure.legend != "ends":
        return RIGHT
    names = [*(each.name for each in figure.series), *(each.name for each in figure.levels)]
    return 18 + 1.08 * LETTER * max(map(len, names), default=0)


def _entries(figure: Lines) -> list[Entry]:
    """Return what a legend above the panel names."""
    if figure.legend != "above":
        return []
    if figure.keys:
        return [Entry(key.name, colour(key.colour), key.dash) for key in figure.keys]
    return _named(figure)


def _named(figure: Lines) -> list[Entry]:
    entries = [Entry(area.name, colour(area.colour)) for area in figure.areas if area.name]
    for series, shade, dash in _looks(figure):
        line = dash if series.line != "none" else None
        marker = MARKERS[series.marker] if line is None else None
        entries.append(Entry(clean(series.name), shade, line, marker))
    entries += [Entry(each.name, colour(each.colour), each.dash) for each in figure.levels]
    named = {entry.name: entry for entry in reversed(entries) if entry.name}
    return list(reversed(named.values()))


def _looks(figure: Lines) -> list[tuple[Series, str, Dash]]:
    """Return every series with colour and dash: its own, or the next of the cycle."""
    looks: list[tuple[Series, str, Dash]] = []
    taken = 0
    for series in figure.series:
        if series.colour is not None:
            looks.append((series, colour(series.colour), series.dash or "solid"))
            continue
        shade, dash = CYCLE[taken % len(CYCLE)]
        looks.append((series, colour(shade), series.dash or dash))
        taken += 1
    return looks


def paint_panel(axes: Axes, figure: Lines, ticks: int = MOST_TICKS) -> None:
    """Draw a figure of one panel into axes, without its legend above.

    Args:
        axes: where.
        figure: what.
        ticks: most numbers beside an axis.
    """
    axes.set(xscale="log" if figure.x.log else "linear", yscale="log" if figure.y.log else "linear")
    shifts = _shifts(figure)
    _set_limits(axes, figure, shifts)
    _draw_areas(axes, figure)
    for level in figure.levels:
        style = {"color": colour(level.colour), "linewidth": 1.3, "linestyle": DASHES[level.dash]}
        (axes.axvline if level.vertical else axes.axhline)(level.value, **style)
    for (series, shade, dash), shift in zip(_looks(figure), shifts, strict=True):
        _draw_series(axes, series, shift, shade, dash)
    for label in figure.labels:
        axes.plot([label.x], [label.y], "o", color=colour(label.colour), markersize=7)
        axes.annotate(
            label.text, (label.x, label.y), (6, -14), textcoords="offset points",
            color=colour(label.colour), fontweight="bold",
        )  # fmt: skip
    set_ticks(axes.xaxis, figure.x, ticks)
    set_ticks(axes.yaxis, figure.y, ticks)
    if are_crowded(figure.x, axes.bbox.width):
        names = [short(label) for _, label in figure.x.ticks]
        axes.set_xticklabels(names, rotation=TURN, ha="right", rotation_mode="anchor")
    axes.set_xlabel(figure.x.title)
    axes.set_ylabel(figure.y.title)
    _label_levels(axes, figure)
    if figure.legend == "ends":
        name_ends(axes, _ends(figure))


def _shifts(figure: Lines) -> list[float]:
    """Return how far every series is moved along the x axis, as a share of the axis."""
    count = len(figure.series)
    if not figure.apart or not any(len(series.x) > 1 for series in figure.series):
        return [0.0] * count
    return [APART * (number - (count - 1) / 2) for number in range(count)]


def _moved(x: Numbers, axes: Axes, shift: float) -> FloatArray:
    places = np.asarray(x, dtype=np.float64)
    low, high = axes.get_xlim()
    if axes.get_xscale() == "log":
        return np.asarray(places * (high / low) ** shift)
    return places + shift * (high - low)


def _set_limits(axes: Axes, figure: Lines, shifts: Sequence[float]) -> None:
    places = [x for series in figure.series for x in finite(series.x)]
    places += [x for area in figure.areas for x in finite(area.x)]
    places += [place for place, _ in figure.x.ticks]
    marked = any(series.marker or series.line == "none" for series in figure.series)
    crowded = marked or any(shifts) or bool(figure.x.ticks)
    axes.set_xlim(axis_range(figure.x, places, 0.04 if crowded else 0.0))
    heights = [
        value
        for series in figure.series
        for values in (series.y, series.low, series.high)
        if values is not None
        for value in finite(values)
    ]
    heights += [level.value for level in figure.levels if not level.vertical]
    heights += [value for area in figure.areas if area.name for value in finite(area.high)]
    axes.set_ylim(axis_range(figure.y, heights, PAD))


def _draw_areas(axes: Axes, figure: Lines) -> None:
    bottom, top = axes.get_ylim()
    for area in figure.areas:
        x = np.asarray(area.x if len(area.x) else axes.get_xlim(), dtype=np.float64)
        if len(x) == 1:
            x = x[0] + 0.2 * np.array([-1.0, 1.0])
        low, high = (
            np.clip(np.broadcast_to(np.asarray(edge, dtype=np.float64), x.shape), bottom, top)
            for edge in (area.low, area.high)
        )
        axes.fill_between(x, low, high, color=colour(area.colour), alpha=area.strength, linewidth=0)


def _draw_series(axes: Axes, series: Series, shift: float, shade: str, dash: Dash) -> None:
    y = np.asarray(series.y, dtype=np.float64)
    known = np.isfinite(y)
    x, y = _moved(series.x, axes, shift)[known], y[known]
    marker = MARKERS[series.marker] or ("o" if series.line == "none" else None)
    style: dict[str, Any] = {
        "color": shade,
        "linestyle": DASHES[dash] if series.line != "none" else "none",
        "marker": marker,
        "markersize": 5,
        "markeredgewidth": 0,
        "linewidth": 1.3 if series.thin else 1.9,
        "alpha": 0.65 if series.faint else None,
    }
    if series.line == "steps":
        axes.step(x, y, where="post", **style)
    else:
        axes.plot(x, y, **style)
    if series.low is None or series.high is None:
        return
    low, high = (np.asarray(end, dtype=np.float64)[known] for end in (series.low, series.high))
    if series.band:
        axes.fill_between(x, low, high, color=shade, alpha=0.15, linewidth=0)
    else:
        axes.vlines(x, low, high, color=shade, linewidth=1.2, alpha=0.7)


def _ends(figure: Lines) -> list[tuple[str, float, str]]:
    """Return name, last height and colour of every series and level that has a name."""
    ends = []
    for series, shade, _ in _looks(figure):
        heights = finite(series.y)
        if series.name and heights:
            ends.append((clean(series.name), heights[-1], shade))
    levels = [each for each in figure.levels if each.name and not each.vertical]
    return ends + [(each.name, each.value, colour(each.colour)) for each in levels]


def _label_levels(axes: Axes, figure: Lines) -> None:
    for level in figure.levels:
        if not level.label:
            continue
        if level.vertical:
            label_vertical(axes, level.value, level.label)
        else:
            axes.annotate(
                level.label, (0, level.value), (4, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", color=colour(level.colour), va="bottom",
            )  # fmt: skip
