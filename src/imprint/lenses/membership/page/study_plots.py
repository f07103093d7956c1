"""The plots of a study, each a function from arrays to an ``<svg>`` element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from imprint.core.arrays import FloatArray
from imprint.report.drawing import (
    INK,
    MUTED,
    PLACEHOLDERS,
    REFERENCE,
    TARGET,
    canvas,
    style,
    svg,
)
from imprint.report.wording import decimal, percent
from imprint.stats.estimate import Estimate

MOST_LINES = 4
LINES = (
    (TARGET, "solid", "o"),
    (REFERENCE, (0, (6, 2)), "s"),
    (INK, (0, (2, 1.5)), "^"),
    (PLACEHOLDERS["correlated"], (0, (6, 2, 1, 2)), "D"),
)
LEGEND_ROW = 17


@dataclass(frozen=True)
class Limit:
    """A line of theory, drawn dashed above the area that it forbids.

    Attributes:
        x: float64 ``[m]``, rising.
        y: float64 ``[m]``.
        name: what it is.
        forbids: whether the area above it is shaded.
    """

    x: FloatArray
    y: FloatArray
    name: str
    forbids: bool


def strengths(
    name: str,
    places: Sequence[float],
    labels: Sequence[str],
    lines: Mapping[str, Sequence[Estimate | None]],
    what: str,
    quantity: str,
    chance: float | None,
    limit: Limit | None = None,
    logarithmic: bool = True,
    chance_is: str = "guessing",
) -> str:
    """Return estimates with their intervals by what was varied.

    Args:
        name: of the plot, unique on the page.
        places: of the points on the axis, rising.
        labels: written there.
        lines: estimates at every place by name, None where there is none; ``MOST_LINES`` at most.
        what: title of the axis.
        quantity: title of the other axis, of values that are shares.
        chance: what guessing gives, a dotted line.
        limit: theory.
        logarithmic: whether places are on a logarithmic axis.
        chance_is: what chance is called.
    """
    named = [*lines, *([limit.name] if limit else []), *([chance_is] if chance is not None else [])]
    rows = -(-len(named) // 2)
    with style():
        figure, axes = canvas(
            274 + LEGEND_ROW * rows, left=54, right=14, top=12 + LEGEND_ROW * rows, bottom=46
        )
        if logarithmic:
            axes.set_xscale("log")
        if chance is not None:
            axes.axhline(chance, color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
        _draw_lines(axes, places, lines, logarithmic)
        _set_heights(axes, lines, chance)
        if limit is not None:
            _draw_limit(axes, limit)
        axes.xaxis.set_major_locator(FixedLocator(list(places)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(list(places), list(labels))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=(1, 2, 5, 10)))
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: percent(value, _digits(axes)))
        )
        _pad(axes, places, logarithmic)
        axes.set_xlabel(what)
        axes.set_ylabel(quantity)
        _legend(axes, list(lines), limit, chance_is if chance is not None else None)
        return svg(figure, name, _spoken(labels, lines, what, quantity))


def _draw_lines(
    axes: Axes,
    places: Sequence[float],
    lines: Mapping[str, Sequence[Estimate | None]],
    logarithmic: bool,
) -> None:
    """Draw each line with whiskers, those of one place a little apart."""
    for number, ((colour, dashes, marker), values) in enumerate(
        zip(LINES, lines.values(), strict=False)
    ):
        known = [(x, value) for x, value in zip(places, values, strict=True) if value is not None]
        if not known:
            continue
        shift = 0.012 * (number - (len(lines) - 1) / 2)
        x = np.array([_moved(place, places, shift, logarithmic) for place, _ in known])
        axes.plot(
            x,
            [value.value for _, value in known],
            color=colour,
            linestyle=dashes,
            marker=marker,
            markersize=4.5,
            linewidth=1.8,
        )
        axes.vlines(
            x,
            [value.low for _, value in known],
            [value.high for _, value in known],
            color=colour,
            linewidth=1.2,
        )


def _moved(place: float, places: Sequence[float], shift: float, logarithmic: bool) -> float:
    if len(places) < 2:
        return place
    if logarithmic:
        return float(place * (places[-1] / places[0]) ** shift)
    return place + shift * (places[-1] - places[0])


def _set_heights(
    axes: Axes, lines: Mapping[str, Sequence[Estimate | None]], chance: float | None
) -> None:
    known = [value for values in lines.values() for value in values if value is not None]
    ends = [end for value in known for end in (value.low, value.high)]
    ends += [] if chance is None else [chance]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    pad = 0.07 * max(high - low, 0.02)
    axes.set_ylim(low - pad, high + pad)


def _draw_limit(axes: Axes, limit: Limit) -> None:
    """Draw a limit; the panel is made so high that its lowest part is seen."""
    low, high = axes.get_ylim()
    lowest = float(np.min(limit.y))
    axes.set_ylim(low, max(high, min(1.0, lowest + 0.35 * (max(high, lowest) - low))))
    top = axes.get_ylim()[1]
    if limit.forbids:
        y = np.minimum(limit.y, top)
        axes.fill_between(limit.x, y, top, color=MUTED, alpha=0.14, linewidth=0)
    axes.plot(limit.x, limit.y, color=MUTED, linewidth=1.6, linestyle=(0, (4, 2)))


def _pad(axes: Axes, places: Sequence[float], logarithmic: bool) -> None:
    first, last = places[0], places[-1]
    if logarithmic:
        room = max((last / first) ** 0.06, 1.12)
        axes.set_xlim(first / room, last * room)
    else:
        room = max(0.06 * (last - first), 0.3)
        axes.set_xlim(first - room, last + room)


def _legend(axes: Axes, names: Sequence[str], limit: Limit | None, chance: str | None) -> None:
    """Write what each line is above the panel, two columns."""
    height = axes.bbox.height
    width = axes.bbox.width
    entries = [
        (name, colour, dashes) for name, (colour, dashes, _) in zip(names, LINES, strict=False)
    ]
    entries += [] if limit is None else [(limit.name, MUTED, (0, (4, 2)))]
    entries += [] if chance is None else [(chance, MUTED, (0, (1, 3)))]
    rows = -(-len(entries) // 2)
    for number, (name, colour, dashes) in enumerate(entries):
        row, column = divmod(number, 2)
        x = column * 0.5
        y = 1 + (8 + LEGEND_ROW * (rows - 1 - row)) / height
        axes.plot(
            [x, x + 22 / width],
            [y, y],
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(
            x + 28 / width, y, name, color=INK, va="center_baseline", transform=axes.transAxes
        )


def _digits(axes: Axes) -> int:
    low, high = axes.get_ylim()
    return 0 if high - low > 0.04 else 1


def _spoken(
    labels: Sequence[str],
    lines: Mapping[str, Sequence[Estimate | None]],
    what: str,
    quantity: str,
) -> str:
    told = []
    for name, values in lines.items():
        known = [(at, v) for at, v in zip(labels, values, strict=True) if v is not None]
        if known:
            told.append(
                f"{name} from {percent(known[0][1].value)} at {known[0][0]} "
                f"to {percent(known[-1][1].value)} at {known[-1][0]}"
            )
    return f"Lines: {quantity} by {what}. {'; '.join(told)}."


def divergences(
    name: str,
    places: FloatArray,
    labels: Sequence[str],
    measured: Mapping[str, FloatArray],
    bounds: Mapping[str, tuple[FloatArray, FloatArray]],
    what: str,
) -> str:
    """Return measured separations and bounds in nats, both axes logarithmic.

    Args:
        name: of the plot.
        places: float64 ``[n]``, rising.
        labels: written there.
        measured: float64 ``[n]`` in nats by name, NaN where nothing was found.
        bounds: x and y of each curve by name, drawn dashed.
        what: title of the axis.
    """
    entries = [*measured, *bounds]
    with style():
        top = 12 + LEGEND_ROW * len(entries)
        figure, axes = canvas(262 + top, left=54, right=14, top=top, bottom=46)
        axes.set(xscale="log", yscale="log")
        drawn: list[tuple[str, str, str, Any]] = []
        for (colour, _, marker), (title, y) in zip(LINES, measured.items(), strict=False):
            axes.plot(places, y, marker, color=colour, markersize=6)
            drawn.append((title, colour, marker, "none"))
        for dashes, (title, (x, y)) in zip(_DASHES, bounds.items(), strict=False):
            axes.plot(x, y, color=MUTED, linewidth=1.6, linestyle=dashes)
            drawn.append((title, MUTED, "", dashes))
        axes.set_xticks(list(places), list(labels))
        axes.xaxis.set_minor_locator(NullLocator())
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _pad(axes, list(places), logarithmic=True)
        axes.set_xlabel(what)
        axes.set_ylabel("separation (nats)")
        _column(axes, drawn)
        told = [
            f"{title} {', '.join(decimal(float(v), 3) for v in y)}" for title, y in measured.items()
        ]
        return svg(figure, name, f"Separation in nats by {what}: {'; '.join(told)}.")


_DASHES = ((0, (4, 2)), (0, (1, 2)), (0, (6, 2, 1, 2)))


def _column(axes: Axes, entries: Sequence[tuple[str, str, str, Any]]) -> None:
    height = axes.bbox.height
    width = axes.bbox.width
    for row, (name, colour, marker, dashes) in enumerate(entries):
        y = 1 + (8 + LEGEND_ROW * (len(entries) - 1 - row)) / height
        at = [0.0, 22 / width] if not marker else [11 / width]
        axes.plot(
            at,
            [y] * len(at),
            marker=marker or None,
            color=colour,
            linestyle=dashes,
            linewidth=1.6,
            markersize=6,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(28 / width, y, name, color=INK, va="center_baseline", transform=axes.transAxes)
