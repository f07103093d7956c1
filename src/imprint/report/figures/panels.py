"""What figures share: axes, dashes, legends above a panel, names beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from scipy.optimize import isotonic_regression

from imprint.report.drawing import INK, PLACEHOLDERS
from imprint.report.marks import Axis, Colour, Dash

if TYPE_CHECKING:
    from matplotlib.axis import Axis as MatplotlibAxis

DASHES: dict[Dash, Any] = {
    "solid": "solid",
    "dashed": (0, (5, 2)),
    "dotted": (0, (1, 3)),
    "sparse": (0, (2, 1.5)),
    "dash-dot": (0, (6, 2, 1, 2)),
}
MARKERS = {"": None, "dot": "o", "square": "s", "triangle": "^", "diamond": "D"}
STEPS = (1, 2, 5, 10)
MOST_TICKS = 6
MOST_FIXED_TICKS = 8
LETTER = 6.3
"""Mean width of a letter in plot units."""
CAPITAL = 8.2
"""Mean width of a capital letter."""
LEGEND_ROW = 17.0
SAMPLE = 20.0
"""Width of a sample of a line in a legend, in plot units."""
SQUARE = 9.0
MOST_NAME = 22
"""Letters of a name beside an axis."""


def colour(name: Colour | str) -> str:
    """Return the placeholder of a colour."""
    return PLACEHOLDERS[name]


def set_ticks(axis: MatplotlibAxis, described: Axis, most: int = MOST_TICKS) -> None:
    """Set where numbers stand beside an axis, and how they are written."""
    axis.set_minor_locator(NullLocator())
    if described.ticks:
        places = [place for place, _ in described.ticks]
        axis.set_major_locator(FixedLocator(places))
        axis.set_ticks(places, labels=[label for _, label in described.ticks])
        return
    if described.log:
        low, high = axis.get_view_interval()
        subs = (1.0,) if high > 200 * low else (1.0, 2.0, 5.0)
        axis.set_major_locator(LogLocator(subs=subs, numticks=most + 1))
    else:
        axis.set_major_locator(MaxNLocator(nbins=most, steps=STEPS, integer=described.whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: described.write(float(value))))


@dataclass(frozen=True)
class Entry:
    """An entry of a legend.

    Attributes:
        name: what it says.
        colour: a placeholder.
        dash: of a line; None for none.
        marker: on it; with neither it is a square.
    """

    name: str
    colour: str
    dash: Dash | None = None
    marker: str | None = None

    @property
    def width(self) -> float:
        """Width in plot units."""
        return self.sample + 6 + LETTER * len(self.name) + 16

    @property
    def sample(self) -> float:
        """Width of the sample in plot units."""
        return SQUARE if self.dash is None and self.marker is None else SAMPLE


def legend_rows(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """Return the entries in rows that fit a width in plot units."""
    rows: list[list[Entry]] = [[]]
    for entry in entries:
        if rows[-1] and sum(each.width for each in rows[-1]) + entry.width - 16 > width:
            rows.append([])
        rows[-1].append(entry)
    return rows if entries else []


def draw_legend(axes: Axes, rows: Sequence[Sequence[Entry]]) -> None:
    """Write the names above a panel, behind samples of what they stand for."""
    width, height = axes.bbox.width, axes.bbox.height
    for number, row in enumerate(rows):
        y = 1 + (12 + LEGEND_ROW * (len(rows) - 1 - number)) / height
        x = 0.0
        for entry in row:
            _draw_sample(axes, entry, x / width, y)
            axes.text(
                (x + entry.sample + 6) / width, y, entry.name, color=INK, va="center_baseline",
                transform=axes.transAxes,
            )  # fmt: skip
            x += entry.width


def _draw_sample(axes: Axes, entry: Entry, x: float, y: float) -> None:
    width = entry.sample / axes.bbox.width
    if entry.dash is None and entry.marker is None:
        axes.text(x + width, y, "■", color=entry.colour, ha="right", va="center_baseline",
                  transform=axes.transAxes)  # fmt: skip
        return
    places = [x, x + width] if entry.dash is not None else [x + width / 2]
    axes.plot(
        places, [y] * len(places), color=entry.colour, linewidth=1.8, markersize=5,
        linestyle=DASHES[entry.dash] if entry.dash is not None else "none", marker=entry.marker,
        clip_on=False, transform=axes.transAxes,
    )  # fmt: skip


def name_ends(axes: Axes, names: Sequence[tuple[str, float, str]]) -> None:
    """Write each (name, height, colour) beside the right edge, none over another."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        low, high = np.log10(low), np.log10(high)
        heights = [float(np.log10(max(y, 10**low))) for _, y, _ in names]
    else:
        heights = [float(y) for _, y, _ in names]
    apart = 15.0 / axes.bbox.height * (high - low)
    moved = spread(heights, apart, low, high)
    for (text, _, shade), y in zip(names, moved, strict=True):
        axes.annotate(
            text, (1, (y - low) / (high - low)), (7, 0), xycoords="axes fraction",
            textcoords="offset points", va="center_baseline", color=shade, fontweight="bold",
            annotation_clip=False,
        )  # fmt: skip


def spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return the places moved as little as needed to lie ``least`` apart within [low, high].

    Less the room for those below, places keep their distance when they do not fall: the nearest
    such sequence is an isotonic regression.

    >>> spread([0.5, 0.5], 0.2, 0.0, 1.0)
    [0.4, 0.6]
    """
    if not places:
        return []
    order = np.argsort(places, kind="stable")
    room = least * np.arange(len(places))
    free = isotonic_regression(np.asarray(places, dtype=float)[order] - room).x
    moved = np.empty(len(places))
    moved[order] = np.clip(free, low, max(low, high - room[-1])) + room
    return [round(float(place), 9) for place in moved]


def short(name: str, most: int = MOST_NAME) -> str:
    """Return a name on one line, of so many letters, without characters that XML forbids."""
    text = clean(name)
    return text if len(text) <= most else text[: most - 1] + "…"


def clean(name: str) -> str:
    """Return a name on one line, without characters that XML forbids."""
    return "".join(letter for letter in " ".join(name.split()) if letter.isprintable())


def left_margin(names: Sequence[str]) -> float:
    """Return the room that names beside an axis need, in plot units."""
    return 16 + max((_width(short(name)) for name in names), default=0.0)


def _width(name: str) -> float:
    return sum(CAPITAL if letter.isupper() else LETTER for letter in name)


def label_vertical(axes: Axes, x: float, text: str) -> None:
    """Write a word above a vertical line, on the side where there is more room."""
    low, high = axes.get_xlim()
    share = np.log(x / low) / np.log(high / low) if axes.get_xscale() == "log" else (
        (x - low) / (high - low)
    )  # fmt: skip
    left = share > 0.5
    axes.annotate(
        text, (x, 1.0), (-5 if left else 5, 4), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="right" if left else "left", color=INK,
    )  # fmt: skip
