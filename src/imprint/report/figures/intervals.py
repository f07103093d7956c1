"""Dots with intervals, tracks and limits on one axis, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import INK, MUTED, REFERENCE, WIDTH, canvas
from imprint.report.figures.panels import DASHES, colour, left_margin, set_ticks, short
from imprint.report.marks import Axis, Colour, Figure, Level

ROW, HEAD, GAP = 20.0, 24.0, 12.0
TOP, BOTTOM, RIGHT = 6.0, 44.0, 16.0


@dataclass(frozen=True)
class Interval:
    """A dot on an axis with what is known of it.

    Attributes:
        name: in front of it.
        value: of the dot.
        low: lower end of an interval; None for none.
        high: upper end.
        ceiling: end of a track from zero: the greatest that the value could have been.
        colour: of the dot.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    ceiling: float | None = None
    colour: Colour = "target"


@dataclass(frozen=True)
class IntervalGroup:
    """Dots under a heading.

    Attributes:
        intervals: from top to bottom.
        title: the heading; empty for none.
        limit: a vertical line through the group, the most that values may be; None for none. From
            each dot a band leads to it, or to the edge where the group has a title and no limit.
        bands: False for no such bands, where values are no bounds.
    """

    intervals: Sequence[Interval]
    title: str = ""
    limit: float | None = None
    bands: bool = True


@dataclass(frozen=True, kw_only=True)
class Intervals(Figure):
    """Dots with intervals, one below the other, on one axis.

    Attributes:
        axis: of the values.
        groups: from top to bottom.
        level: a vertical line through all; None for none.
    """

    axis: Axis
    groups: Sequence[IntervalGroup]
    level: Level | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_intervals(self)


def paint_intervals(figure: Intervals) -> MatplotlibFigure:
    """Return the drawing."""
    names = [row.name for group in figure.groups for row in group.intervals]
    left = left_margin(names)
    heights = [_height(group) for group in figure.groups]
    total = sum(heights)
    drawn, axes = canvas(total + TOP + BOTTOM, left=left, right=RIGHT, top=TOP, bottom=BOTTOM)
    axes.set(xlim=_range(figure), ylim=(total, 0))
    top = 0.0
    for group, height in zip(figure.groups, heights, strict=True):
        _draw_group(axes, group, top, left)
        top += height
    if figure.level is not None:
        style = {"color": colour(figure.level.colour), "linestyle": DASHES[figure.level.dash]}
        axes.axvline(figure.level.value, linewidth=2, **style)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    set_ticks(axes.xaxis, figure.axis)
    axes.set_xlabel(figure.axis.title)
    return drawn


def _height(group: IntervalGroup) -> float:
    return ROW * len(group.intervals) + (HEAD + GAP if group.title else 0.0)


def _range(figure: Intervals) -> tuple[float, float]:
    rows = [row for group in figure.groups for row in group.intervals]
    ends = [end for row in rows for end in (row.value, row.low, row.high, row.ceiling)]
    level = None if figure.level is None else figure.level.value
    known = [0.0, *(end for end in (*ends, level) if end is not None)]
    low = min(known) if figure.axis.low is None else figure.axis.low
    high = 1.06 * max(known) if figure.axis.high is None else figure.axis.high
    return low, high if high > low else low + 1.0


def _draw_group(axes: Axes, group: IntervalGroup, top: float, left: float) -> None:
    head = HEAD if group.title else 0.0
    width = WIDTH - left - RIGHT
    edge = axes.get_xlim()[1]
    on_axis = group.limit is not None and group.limit <= edge
    end = group.limit if group.limit is not None and on_axis else edge
    if group.title:
        axes.text(
            -(left - 2) / width, top + head / 2, short(group.title, 60), color=INK, weight="bold",
            va="center_baseline", transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    for number, row in enumerate(group.intervals):
        y, shade = top + head + ROW * (number + 0.5), colour(row.colour)
        if group.title and group.bands and row.value < end:
            axes.barh(y, end - row.value, 10, row.value, color=shade, alpha=0.13, linewidth=0)
        if row.ceiling is not None:
            axes.plot([0, row.ceiling], [y, y], color=MUTED, linewidth=1)
            axes.plot([row.ceiling] * 2, [y - 4, y + 4], color=MUTED, linewidth=1)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=shade, linewidth=1.6)
        axes.plot([row.value], [y], "o", color=shade, markersize=6.5, clip_on=False, zorder=4)
        axes.text(
            -10 / width, y, short(row.name), ha="right", va="center_baseline",
            color=MUTED if group.title else shade, transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    if group.limit is not None and on_axis:
        ends = [top + head - 2, top + head + ROW * len(group.intervals) + 2]
        axes.plot([group.limit] * 2, ends, color=REFERENCE, linewidth=2.4, zorder=5)
