"""Drawing for the page: Matplotlib figures as inline SVG in the page's own colours and font.

Matplotlib knows no CSS variables, so everything is drawn in placeholder colours that are exchanged
for ``var(--name)`` in the finished SVG: one drawing reads on light and on dark.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from contextlib import AbstractContextManager

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imprint.report.plot_files import write_plot_files

WIDTH = 400
"""Width of every plot in its own units: narrow, so that its text stays legible on a phone."""

_COLOURS = (
    "ink",
    "muted",
    "rule",
    "target",
    "reference",
    "memorized",
    "forgotten",
    "correlated",
    "unassociated",
    "on-colour",
)
PLACEHOLDERS = {name: f"#0000{number:02x}" for number, name in enumerate(_COLOURS, start=1)}
INK, MUTED, RULE, TARGET, REFERENCE = (PLACEHOLDERS[name] for name in _COLOURS[:5])

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "imprint",
    "text.parse_math": False,
    "font.size": 11.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
}


def style() -> AbstractContextManager[None]:
    """Return a context in which nothing but ``_STYLE`` differs from Matplotlib's defaults."""
    context: AbstractContextManager[None] = matplotlib.style.context(
        ["default", _STYLE], after_reset=True
    )
    return context


def canvas(height: float, **margins: float) -> tuple[Figure, Axes]:
    """Return a figure of a height in plot units, with one panel inside its margins."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    return figure, panel(figure, **margins)


def panel(figure: Figure, left: float, right: float, top: float, bottom: float) -> Axes:
    """Return new axes of a figure, its margins in plot units."""
    height = figure.get_figheight() * 72
    return figure.add_axes(
        (
            left / WIDTH,
            bottom / height,
            (WIDTH - left - right) / WIDTH,
            (height - top - bottom) / height,
        )
    )


def svg(figure: Figure, name: str, description: str) -> str:
    """Return the figure as an ``<svg>`` element for the page, the same bytes each time."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    drawing = buffer.getvalue()
    write_plot_files(figure, name, drawing, PLACEHOLDERS)
    drawing = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", drawing, flags=re.S
    )
    body = drawing[drawing.index(">", drawing.index("<svg")) + 1 :].replace("xlink:href", "href")
    for colour, placeholder in PLACEHOLDERS.items():
        body = body.replace(placeholder, f"var(--{colour})")
    height = figure.get_figheight() * 72
    spoken = "".join(letter for letter in description if letter.isprintable())
    return (
        f'<svg class="plot" role="img" viewBox="0 0 {WIDTH} {height:g}" '
        f'aria-label="{html.escape(spoken)}">{_own_ids(body, name)}'
    ).strip()


_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def _own_ids(body: str, name: str) -> str:
    """Prefix the ids that something refers to with the plot's name, and drop all others."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))

    def rename(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    body = re.sub(r' id="([^"]*)"', rename, body)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", body)
