"""Descriptions of figures: what is drawn, in words and numbers, without a drawing library.

A figure is drawn for the page (:meth:`Figure.html`), in the page's own colours, or as a Matplotlib
figure (:meth:`Figure.plot`). How a kind of figure looks stands in one module of ``report.figures``.

>>> from imprint.report.wording import percent
>>> figure = Lines(
...     name="accuracy", title="Accuracy over training", caption="On images of the test set.",
...     description="Line plot: accuracy rises from 10.0% to 61.3%.",
...     x=Axis("epoch", whole=True), y=Axis("accuracy", percent, low=0),
...     series=[Series("model", [1, 2, 3], [0.1, 0.5, 0.613])],
... )
>>> str(figure.html())[:33]
'<figure><h3>Accuracy over trainin'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from markupsafe import Markup

from imprint.core.arrays import FloatArray
from imprint.report.prose import Text
from imprint.report.wording import Writer, percent, significant
from imprint.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

Numbers = Sequence[float] | FloatArray
Colour = Literal[
    "ink", "muted", "rule", "target", "reference", "memorized", "forgotten", "correlated",
    "unassociated",
]  # fmt: skip
"""A colour of the page by its meaning."""
Dash = Literal["solid", "dashed", "dotted", "dash-dot", "sparse"]
Marker = Literal["", "dot", "square", "triangle", "diamond"]


@dataclass(frozen=True, kw_only=True)
class Figure(ABC):
    """A figure.

    Attributes:
        name: unique on the page, of small letters, digits and dashes; also names its files.
        title: its heading.
        caption: what it shows, below it.
        description: what it shows in one or two sentences with numbers, for screen readers.
    """

    name: str
    title: str
    caption: Text
    description: str

    @abstractmethod
    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""

    def svg(self) -> Markup:
        """Return the drawing as an ``<svg>`` element in the page's colours."""
        from imprint.report import drawing

        with drawing.style():
            return Markup(drawing.svg(self.paint(), self.name, self.description))

    def html(self) -> Markup:
        """Return the figure with title and caption for the page."""
        return Markup("<figure><h3>{}</h3>\n{}\n<figcaption>{}</figcaption></figure>").format(
            self.title, self.svg(), self.caption
        )

    def plot(self) -> MatplotlibFigure:
        """Return the drawing as a Matplotlib figure, in the colours of the page by day."""
        from imprint.report import drawing
        from imprint.report.plot_files import recolour

        with drawing.style():
            return recolour(self.paint(), drawing.PLACEHOLDERS)


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what is on it.
        write: writes the numbers beside it.
        low: where it begins; None for what the numbers need.
        high: where it ends, likewise.
        log: whether it is logarithmic.
        whole: whether only whole numbers are written.
        ticks: (place, label) where only some places are written.
    """

    title: str
    write: Writer = significant
    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False
    ticks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Series:
    """Points, joined by a line or not.

    Attributes:
        name: in the legend; series of one name share an entry, an empty one has none.
        x: ``[m]``.
        y: ``[m]``, NaN where there is none.
        low: ``[m]``, lower ends of intervals; None for none.
        high: ``[m]``, upper ends.
        band: whether intervals are a band, else whiskers.
        line: ``line``, ``steps`` (level up to the next point) or ``none``.
        colour: by default that of its place among the series; likewise dash.
        dash: of the line.
        marker: on every point.
        thin: whether the line is thinner than those that matter most.
        faint: whether markers let others show through.
    """

    name: str
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    band: bool = False
    line: Literal["line", "steps", "none"] = "line"
    colour: Colour | None = None
    dash: Dash | None = None
    marker: Marker = ""
    thin: bool = False
    faint: bool = False


def estimates(
    name: str,
    x: Numbers,
    values: Sequence[Estimate | object],
    *,
    marker: Marker = "dot",
    band: bool = False,
    line: Literal["line", "steps", "none"] = "line",
    colour: Colour | None = None,
    dash: Dash | None = None,
) -> Series:
    """Return a series of estimates with their intervals; what is no estimate is left out."""
    rows = [(v.value, v.low, v.high) if isinstance(v, Estimate) else (np.nan,) * 3 for v in values]
    y, low, high = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Series(
        name, x, y, low, high, band=band, line=line, marker=marker, colour=colour, dash=dash
    )


@dataclass(frozen=True)
class Level:
    """A line across the panel, such as chance, a ceiling or a threshold.

    Attributes:
        value: where it lies.
        name: in the legend; empty for none.
        colour: of the line.
        dash: of the line.
        vertical: whether it is a place on the x axis.
        label: written beside it in the panel; empty for none.
    """

    value: float
    name: str = ""
    colour: Colour = "muted"
    dash: Dash = "dotted"
    vertical: bool = False
    label: str = ""


@dataclass(frozen=True)
class Area:
    """What lies between two lines, shaded.

    Attributes:
        x: ``[m]``, rising; empty for the whole width.
        low: ``[m]`` or one number, −∞ for the lower edge.
        high: ``[m]`` or one number, ∞ for the upper edge.
        name: in the legend; empty for none.
        colour: of the area.
        strength: in (0, 1], 1 for a full colour.
    """

    x: Numbers
    low: Numbers | float
    high: Numbers | float
    name: str = ""
    colour: Colour = "target"
    strength: float = 0.14


@dataclass(frozen=True)
class Label:
    """A few words beside a point."""

    x: float
    y: float
    text: str
    colour: Colour = "target"


@dataclass(frozen=True)
class Key:
    """An entry of a legend that does not stand for one series.

    Attributes:
        name: what it says.
        colour: of its sample.
        dash: of its sample, a line; None for a square.
    """

    name: str
    colour: Colour = "muted"
    dash: Dash | None = None


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
        legend: names ``above`` the panel, at the ``ends`` of the lines, in the ``corner`` at the
            lower right, or ``none``.
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
    legend: Literal["above", "ends", "corner", "none"] = "above"
    keys: Sequence[Key] = ()
    apart: bool = False
    height: float = 240.0
    below: Lines | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        from imprint.report.figures.lines import paint_lines

        return paint_lines(self)


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
    """

    axis: Axis
    bars: Sequence[Bar]
    faint: bool = False
    gap: tuple[int, str] | None = None

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        from imprint.report.figures.bars import paint_bars

        return paint_bars(self)


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
    """

    intervals: Sequence[Interval]
    title: str = ""
    limit: float | None = None


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
        from imprint.report.figures.intervals import paint_intervals

        return paint_intervals(self)


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
        from imprint.report.figures.bars import paint_stacked_bars

        return paint_stacked_bars(self)


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
        from imprint.report.figures.histogram import paint_histogram

        return paint_histogram(self)


@dataclass(frozen=True, kw_only=True)
class Matrix(Figure):
    """A square matrix of shares with the same names on both sides.

    Attributes:
        names: of rows and columns.
        values: float64 ``[m, m]`` in [0, 1].
        write: writes a value into its square.
    """

    names: Sequence[str]
    values: FloatArray
    write: Writer = percent

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        from imprint.report.figures.matrix import paint_matrix

        return paint_matrix(self)


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
        from imprint.report.figures.upset import paint_upset

        return paint_upset(self)
