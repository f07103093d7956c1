"""Boxes of distributions, in groups beside each other, each with a marked value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import WIDTH, canvas
from imprint.report.figures.limits import axis_range
from imprint.report.figures.panels import (
    DASHES,
    LEGEND_ROW,
    LETTER,
    MARKERS,
    Entry,
    clean,
    colour,
    draw_legend,
    legend_rows,
    set_ticks,
    short,
)
from imprint.report.marks import Axis, Colour, Figure, Level
from imprint.stats.five_numbers import FiveNumbers

LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 14.0, 46.0
PAD = 0.07
GROUP_WIDTH = 0.8
"""Share of the room of a group that its boxes take."""
MOST_BOX = 0.2
"""Greatest width of a box, as a share of that room."""
SLANT = 35
"""Degrees by which names of groups are turned where they would meet."""


@dataclass(frozen=True)
class Box:
    """A distribution.

    Attributes:
        name: in the legend; boxes of one name share an entry.
        numbers: whiskers end at the smallest and the largest, the box at the quartiles.
        mark: a value that is marked beside it; None for none.
        colour: of both.
    """

    name: str
    numbers: FiveNumbers
    mark: float | None = None
    colour: Colour = "target"


@dataclass(frozen=True)
class BoxGroup:
    """Boxes beside each other, under a name."""

    name: str
    boxes: Sequence[Box]


@dataclass(frozen=True, kw_only=True)
class Boxes(Figure):
    """Distributions as upright boxes, in groups from left to right.

    Attributes:
        x: title of the axis of the groups.
        y: the axis of the values.
        groups: from left to right.
        mark: what the marked values are, in the legend; empty for no entry.
        level: a line across; None for none.
        height: of the panel in plot units.
    """

    x: str
    y: Axis
    groups: Sequence[BoxGroup]
    mark: str = ""
    level: Level | None = None
    height: float = 260.0

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_boxes(self)


def paint_boxes(figure: Boxes) -> MatplotlibFigure:
    """Return the drawing."""
    legend = legend_rows(_entries(figure), WIDTH - LEFT - RIGHT)
    top = TOP + LEGEND_ROW * len(legend) + 7
    names = [short(group.name) for group in figure.groups]
    room = (WIDTH - LEFT - RIGHT) / max(len(names), 1)
    longest = LETTER * max(map(len, names), default=0)
    slanted = longest > room
    below = BOTTOM + (0.6 * longest if slanted else 0.0)
    drawn, axes = canvas(top + figure.height + below, left=LEFT, right=RIGHT, top=top, bottom=below)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(axis_range(figure.y, _heights(figure), PAD))
    if figure.level is not None:
        style = {"color": colour(figure.level.colour), "linestyle": DASHES[figure.level.dash]}
        axes.axhline(figure.level.value, linewidth=1.3, **style)
    for place, group in enumerate(figure.groups):
        _draw_group(axes, place, group)
    axes.set_xticks(range(len(names)), names)
    if slanted:
        axes.tick_params(axis="x", rotation=SLANT)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.grid(visible=False, axis="x")
    set_ticks(axes.yaxis, figure.y)
    axes.set_xlabel(figure.x)
    axes.set_ylabel(figure.y.title)
    draw_legend(axes, legend)
    return drawn


def _entries(figure: Boxes) -> list[Entry]:
    boxes = [box for group in figure.groups for box in group.boxes]
    named = {box.name: colour(box.colour) for box in boxes if box.name}
    entries = [Entry(clean(name), shade) for name, shade in named.items()]
    if figure.mark:
        entries.append(Entry(clean(figure.mark), colour("muted"), marker=MARKERS["diamond"]))
    return entries


def _heights(figure: Boxes) -> list[float]:
    boxes = [box for group in figure.groups for box in group.boxes]
    heights = [end for box in boxes for end in (box.numbers.low, box.numbers.high)]
    heights += [box.mark for box in boxes if box.mark is not None]
    return heights if figure.level is None else [*heights, figure.level.value]


def _draw_group(axes: Axes, place: int, group: BoxGroup) -> None:
    count = len(group.boxes)
    step = min(MOST_BOX, GROUP_WIDTH / max(count, 1))
    for number, box in enumerate(group.boxes):
        x, shade = place + step * (number - (count - 1) / 2), colour(box.colour)
        numbers, half = box.numbers, 0.38 * step
        for ends in ((numbers.low, numbers.quarter), (numbers.three_quarters, numbers.high)):
            axes.plot([x, x], ends, color=shade, linewidth=1.2, solid_capstyle="butt")
        height = numbers.three_quarters - numbers.quarter
        axes.bar(
            x, height, 2 * half, numbers.quarter, color=shade, alpha=0.3, edgecolor=shade,
            linewidth=0.8,
        )  # fmt: skip
        axes.plot(
            [x - half, x + half], [numbers.median] * 2, color=shade, linewidth=2,
            solid_capstyle="butt",
        )  # fmt: skip
        if box.mark is not None:
            axes.plot(
                [x], [box.mark], color=shade, marker=MARKERS["diamond"], markersize=6.5,
                markeredgewidth=0, zorder=4,
            )  # fmt: skip
