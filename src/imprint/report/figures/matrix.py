"""A square matrix of shares, each written in its square."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.report.drawing import INK, TARGET, WIDTH, canvas
from imprint.report.figure import Matrix
from imprint.report.figures.panels import left_margin, short

MOST_SIDE = 34.0


def paint_matrix(figure: Matrix) -> MatplotlibFigure:
    """Return the drawing."""
    count = len(figure.names)
    margin = left_margin(figure.names)
    side = min(MOST_SIDE, (WIDTH - margin - 10) / max(1, count))
    drawn, axes = canvas(
        side * count + 0.85 * margin + 8,
        left=margin,
        right=WIDTH - margin - side * count,
        top=4,
        bottom=0.85 * margin + 4,
    )
    for (row, column), value in np.ndenumerate(figure.values):
        box = {"facecolor": TARGET, "alpha": 0.04 + 0.5 * float(value), "linewidth": 0}
        axes.axvspan(column, column + 1, 1 - (row + 1) / count, 1 - row / count, **box)
        axes.text(
            column + 0.5, row + 0.5, figure.write(float(value)), ha="center",
            va="center_baseline", color=INK, fontsize=10,
        )  # fmt: skip
    axes.set(xlim=(0, count), ylim=(count, 0))
    places, names = np.arange(count) + 0.5, [short(name) for name in figure.names]
    axes.set_yticks(places, names)
    axes.set_xticks(places, names, rotation=55, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return drawn
