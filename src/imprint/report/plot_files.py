"""Plots as files of their own, SVG and PNG, in the page's colours by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure

from imprint.core.durable import replacing

DOTS_PER_INCH = 200
COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
DAY = {
    "ink": "#1d1f21",
    "muted": "#5c6166",
    "rule": "#dcdcd6",
    "target": "#0b68a8",
    "reference": "#b34a00",
    "memorized": "#0b68a8",
    "forgotten": "#b34a00",
    "correlated": "#6d7278",
    "unassociated": "#dedfda",
    "on-colour": "#ffffff",
}
"""Colours of plots on the page by day, and in files."""

_folder: ContextVar[Path | None] = ContextVar("folder of plots", default=None)


@contextmanager
def plots_as_files(folder: Path) -> Iterator[None]:
    """Write every plot that is drawn meanwhile as ``NAME.svg`` and ``NAME.png`` into a folder."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def write_plot_files(
    figure: Figure, name: str, drawing: str, placeholders: Mapping[str, str]
) -> None:
    """Write a plot where :func:`plots_as_files` asked for it; else do nothing.

    Args:
        figure: as drawn, in placeholder colours; left in real ones.
        name: of the files.
        drawing: the figure as an SVG document, in placeholder colours.
        placeholders: by name of the colour.
    """
    folder = _folder.get()
    if folder is None:
        return
    real = {placeholders[colour]: DAY[colour] for colour in DAY}
    for placeholder, colour in real.items():
        drawing = drawing.replace(placeholder, colour)
    with replacing(folder / f"{name}.svg") as temporary:
        temporary.write_text(drawing, encoding="utf-8")
    recolour(figure, placeholders)
    with replacing(folder / f"{name}.png") as temporary:
        figure.savefig(
            temporary, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": ""}
        )


def recolour(figure: Figure, placeholders: Mapping[str, str]) -> Figure:
    """Exchange placeholders for the page's colours by day; return the figure.

    Args:
        figure: as drawn.
        placeholders: by name of the colour.
    """
    real = {placeholders[colour]: DAY[colour] for colour in DAY}
    for artist in figure.findobj():
        _recolour(artist, real)
    return figure


def _recolour(artist: Any, real: Mapping[str, str]) -> None:
    for part in COLOURED:
        if not (hasattr(artist, f"get_{part}") and hasattr(artist, f"set_{part}")):
            continue
        value = getattr(artist, f"get_{part}")()
        if value is None or (isinstance(value, str) and value in ("auto", "none")):
            continue
        colours = to_rgba_array(value)
        exchanged = [to_rgba_array(real.get(to_hex(row), row))[0] for row in colours]
        for before, after in zip(colours, exchanged, strict=True):
            after[3] = before[3]
        if exchanged:
            new = exchanged[0] if len(exchanged) == 1 else np.array(exchanged)
            getattr(artist, f"set_{part}")(new)
