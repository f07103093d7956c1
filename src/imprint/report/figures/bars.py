"""Horizontal bars: of values from zero with intervals, and of shares that sum to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import INK, MUTED, PLACEHOLDERS, WIDTH, canvas
from imprint.report.figures.panels import (
    DASHES,
    LEGEND_ROW,
    LETTER,
    Entry,
    colour,
    draw_legend,
    label_vertical,
    left_margin,
    legend_rows,
    set_ticks,
    short,
    spread,
)
from imprint.report.marks import Axis, Colour, Figure, Level
from imprint.report.wording import percent

MOST_ROW, LEAST_ROW = 22.0, 15.0
"""Plot units a bar, where there are few and where there are many."""
MANY_BARS = 16
TOP, BOTTOM, RIGHT = 6.0, 44.0, 58.0
LABELLED_TOP = 24.0
READABLE_SHARE = 0.105
LIGHT: tuple[Colour, ...] = ("unassociated", "rule")


@dataclass(frozen=True)
class Bar:
    """A horizontal bar.

    Attributes:
        name: in front of it.
        value: its length.
        low: lower end of an interval; None for none.
        high: upper end.
        text: its value in words.
        colour: of the bar.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""
    colour: Colour = "target"


@dataclass(frozen=True, kw_only=True)
class Bars(Figure):
    """Horizontal bars from zero, one below the other.

    Attributes:
        axis: of their lengths.
        bars: from top to bottom.
        faint: whether bars are light, with a dot at the value, so that intervals are seen.
        gap: how many bars stand above a gap, and what is written there; None for no gap.
        level: a vertical line through all, its label above; None for none.
    """

    axis: Axis
    bars: Sequence[Bar]
    faint: bool = False
    gap: tuple[int, str] | None = None
    level: Level | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_bars(self)


@dataclass(frozen=True, kw_only=True)
class StackedBars(Figure):
    """Horizontal bars of shares that sum to 1, each share written in or below its part.

    Attributes:
        bars: name of a bar → a share a category.
        categories: (name, colour) in the order of the shares.
    """

    bars: Mapping[str, Sequence[float]]
    categories: Sequence[tuple[str, Colour]]

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_stacked_bars(self)


def paint_bars(figure: Bars) -> MatplotlibFigure:
    """Return the drawing of bars from zero."""
    count = len(figure.bars) + (figure.gap is not None)
    row = LEAST_ROW if count > MANY_BARS else MOST_ROW
    places = np.arange(len(figure.bars), dtype=np.float64)
    if figure.gap is not None:
        places[figure.gap[0] :] += 1
    left = left_margin([bar.name for bar in figure.bars])
    top = LABELLED_TOP if figure.level is not None and figure.level.label else TOP
    drawn, axes = canvas(row * count + top + BOTTOM, left=left, right=RIGHT, top=top, bottom=BOTTOM)
    axes.barh(
        places,
        [bar.value for bar in figure.bars],
        height=0.62 if figure.faint else 0.72,
        color=[colour(bar.colour) for bar in figure.bars],
        alpha=0.35 if figure.faint else None,
    )
    _set_range(axes, figure)
    axes.set_ylim(count - 0.4, -0.6)
    _draw_values(axes, figure, places)
    if figure.gap is not None:
        axes.annotate(
            figure.gap[1], (0, figure.gap[0]), (5, 0), textcoords="offset points",
            va="center_baseline", color=MUTED,
        )  # fmt: skip
    axes.set_yticks(places, [short(bar.name) for bar in figure.bars])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(visible=False, axis="y")
    set_ticks(axes.xaxis, figure.axis, most=4)
    axes.set_xlabel(figure.axis.title)
    if figure.level is not None:
        _draw_level(axes, figure.level)
    return drawn


def _draw_level(axes: Axes, level: Level) -> None:
    style = {"color": colour(level.colour), "linestyle": DASHES[level.dash]}
    axes.axvline(level.value, linewidth=2, **style)
    if level.label:
        label_vertical(axes, level.value, level.label)


def _set_range(axes: Axes, figure: Bars) -> None:
    values = [bar.value for bar in figure.bars]
    values += [end for bar in figure.bars for end in (bar.low, bar.high) if end is not None]
    if figure.level is not None:
        values.append(figure.level.value)
    low, high = min(0.0, *values), max(0.0, *values)
    reach = max(abs(low), abs(high)) or 1.0
    if low < 0:
        low -= 0.6 * reach  # room for its label
        axes.axvline(0, color=MUTED, linewidth=1)
    described = figure.axis
    axes.set_xlim(
        low if described.low is None else described.low,
        (high + 0.05 * reach) if described.high is None else described.high,
    )


def _text_place(bar: Bar, level: Level | None) -> float:
    """Return where the words of a bar begin: behind it, and behind a level beyond its end."""
    if level is None or level.value < 0 or bar.value < 0:
        return bar.value
    return max(bar.value, level.value)


def _draw_values(axes: Axes, figure: Bars, places: np.ndarray) -> None:
    for place, bar in zip(places.tolist(), figure.bars, strict=True):
        shade = colour(bar.colour)
        if bar.low is not None and bar.high is not None:
            axes.hlines(place, bar.low, bar.high, color=shade, linewidth=2)
        if figure.faint:
            axes.plot([bar.value], [place], "o", color=shade, markersize=4.5, clip_on=False)
            axes.text(
                1.03, place, bar.text, color=INK, va="center_baseline",
                transform=axes.get_yaxis_transform(),
            )  # fmt: skip
            continue
        side = 1 if bar.value >= 0 else -1
        end = _text_place(bar, figure.level)
        axes.annotate(
            bar.text, (end, place), (3 * side, 0), textcoords="offset points",
            ha="left" if side > 0 else "right", va="center_baseline", color=MUTED, fontsize=10,
        )  # fmt: skip


def paint_stacked_bars(figure: StackedBars) -> MatplotlibFigure:
    """Return the drawing of shares that sum to 1."""
    left = left_margin(list(figure.bars))
    entries = [Entry(name, colour(shade)) for name, shade in figure.categories]
    legend = legend_rows(entries, WIDTH - left - 8)
    top = LEGEND_ROW * len(legend) + 14
    rows = len(figure.bars)
    drawn, axes = canvas(top + 14 + 64 * rows, left=left, right=8, top=top, bottom=6)
    for row, shares in enumerate(figure.bars.values()):
        _draw_stack(axes, row, list(shares), [shade for _, shade in figure.categories])
    axes.set(xlim=(0, 1), ylim=(rows - 0.3, -0.35), xticks=[])
    axes.set_yticks(range(rows), [short(name) for name in figure.bars])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    draw_legend(axes, legend)
    return drawn


def _draw_stack(axes: Axes, row: int, shares: list[float], colours: list[Colour]) -> None:
    """Draw one bar with each share written in it, or under it where there is no room."""
    left, narrow = 0.0, []
    for share, shade in zip(shares, colours, strict=True):
        middle, light = left + share / 2, shade in LIGHT
        axes.barh(row, share, left=left, height=0.56, color=colour(shade))
        if share >= READABLE_SHARE:
            ink = INK if light else PLACEHOLDERS["on-colour"]
            axes.text(middle, row, percent(share), color=ink, ha="center", va="center")
        else:
            narrow.append((middle, percent(share), MUTED if light else colour(shade)))
        left += share
    places = spread([middle for middle, _, _ in narrow], 7.4 * LETTER / WIDTH, 0.04, 0.96)
    for place, (_, text, ink) in zip(places, narrow, strict=True):
        axes.text(place, row + 0.33, text, color=ink, ha="center", va="top")
