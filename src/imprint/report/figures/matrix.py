"""A matrix of shares, or of signed numbers, each written in its square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as MatplotlibFigure

from imprint.core.arrays import FloatArray
from imprint.report.drawing import INK, REFERENCE, TARGET, WIDTH, canvas
from imprint.report.figures.panels import left_margin, short
from imprint.report.marks import Figure
from imprint.report.wording import Writer, percent

MOST_SIDE = 34.0


@dataclass(frozen=True, kw_only=True)
class Matrix(Figure):
    """A matrix, by default square with the same names on both sides.

    Attributes:
        names: of the m rows, and of the columns where these have none of their own.
        values: float64 ``[m, n]`` in [0, 1], or any if ``signed``.
        write: writes a value into its square.
        signed: whether values have a sign: their strength is relative to the largest, and those
            below 0 have another colour.
        columns: names of the n columns; empty for those of the rows.
    """

    names: Sequence[str]
    values: FloatArray
    write: Writer = percent
    signed: bool = False
    columns: Sequence[str] = ()

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_matrix(self)


def paint_matrix(figure: Matrix) -> MatplotlibFigure:
    """Return the drawing."""
    columns = figure.columns or figure.names
    rows, across = len(figure.names), len(columns)
    margin, below = left_margin(figure.names), 0.85 * left_margin(columns) + 4
    side = min(MOST_SIDE, (WIDTH - margin - 10) / max(1, across))
    drawn, axes = canvas(
        side * rows + below + 4,
        left=margin,
        right=WIDTH - margin - side * across,
        top=4,
        bottom=below,
    )
    largest = float(np.abs(figure.values).max(initial=0)) if figure.signed else 1.0
    for (row, column), value in np.ndenumerate(figure.values):
        strength = 0.04 + 0.5 * abs(float(value)) / (largest or 1.0)
        colour = REFERENCE if figure.signed and value < 0 else TARGET
        box = {"facecolor": colour, "alpha": strength, "linewidth": 0}
        axes.axvspan(column, column + 1, 1 - (row + 1) / rows, 1 - row / rows, **box)
        axes.text(
            column + 0.5, row + 0.5, figure.write(float(value)), ha="center",
            va="center_baseline", color=INK, fontsize=10,
        )  # fmt: skip
    axes.set(xlim=(0, across), ylim=(rows, 0))
    axes.set_yticks(np.arange(rows) + 0.5, [short(name) for name in figure.names])
    names = [short(name) for name in columns]
    axes.set_xticks(np.arange(across) + 0.5, names, rotation=55, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return drawn
