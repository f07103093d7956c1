"""What figures are described by: axes, series, levels, areas; and what every figure can do.

Nothing here needs a drawing library; the kinds of figures stand in ``report.figures``, one module a
kind, which says what it shows and draws it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from markupsafe import Markup

from imprint.core.arrays import FloatArray
from imprint.report.prose import Text
from imprint.report.wording import Writer, significant
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
