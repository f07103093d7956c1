"""The plots of the section on queries, each a function from arrays to an ``<svg>`` element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.report.drawing import INK, MUTED, PLACEHOLDERS, REFERENCE, TARGET, canvas, style, svg

LINES = {
    "random": ("random", TARGET),
    "neighbour": ("to the neighbour", REFERENCE),
    "principal": ("principal", PLACEHOLDERS["correlated"]),
    "brightness": ("brightness", INK),
}


def certificates(reached: FloatArray, enough: float) -> str:
    """Return the certificates of all searches in rising order.

    Args:
        reached: float64 ``[b]``, in [0, 1].
        enough: from which on a search succeeds.
    """
    ordered = np.sort(reached)
    with style():
        figure, axes = canvas(260, left=46, right=12, top=14, bottom=44)
        places = (np.arange(len(ordered)) + 0.5) / len(ordered)
        axes.plot(100 * places, ordered, "o", color=TARGET, markersize=4.5)
        axes.axhline(1, color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
        axes.text(1, 1.015, "the most that any query tells", color=MUTED, va="bottom")
        axes.set(xlim=(0, 100), ylim=(-0.02, 1.12))
        axes.set_xlabel("searches, from the least (%)")
        axes.set_ylabel("share of the bound")
        good = int((ordered >= enough).sum())
        what = (
            f"Dots: share of the bound that each search reached; {good} of {len(ordered)} reached "
            f"{enough:g} or more, the least {ordered[0]:.3g}."
        )
        return svg(figure, "certificates", what)


def along_lines(
    steps: Sequence[float], curves: Mapping[str, Mapping[str, Sequence[float]]], measure: str
) -> str:
    """Return a measure along lines of each kind, over its value at the record.

    Args:
        steps: ``[t]``.
        curves: kind of line → measure → ``[t]``, medians over records.
        measure: which.
    """
    with style():
        figure, axes = canvas(260, left=46, right=12, top=30, bottom=44)
        axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
        most = 1.0
        for kind, (label, colour) in LINES.items():
            if kind in curves:
                values = np.asarray(curves[kind][measure], dtype=np.float64)
                most = max(most, float(np.nanmax(values)))
                axes.plot(steps, values, color=colour, label=label)
        axes.set(xlim=(min(steps), max(steps)), ylim=(0, 1.06 * most))
        axes.set_xlabel("distance from the record")
        axes.set_ylabel("over that at the record")
        figure.legend(
            loc="upper center", ncols=4, frameon=False, fontsize=10.5, handlelength=1.1,
            columnspacing=1.1, labelcolor=INK, borderaxespad=0.2, bbox_to_anchor=(0.55, 1.0),
        )  # fmt: skip
        ends = ", ".join(
            f"{LINES[kind][0]} {float(curves[kind][measure][-1]):.2g}" for kind in curves
        )
        what = f"Lines: {measure} over its value at the record; at the last step {ends}."
        return svg(figure, f"along-{measure.replace('_', '-')}", what)
