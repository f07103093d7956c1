"""The plots of the comparison with retraining, each a function from numbers to an ``<svg>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from imprint.core.arrays import FloatArray
from imprint.report.drawing import INK, MUTED, REFERENCE, TARGET, WIDTH, canvas, style, svg
from imprint.report.wording import decimal
from imprint.stats.estimate import Estimate

ROW, TOP, BOTTOM, LEFT, RIGHT = 22.0, 8.0, 46.0, 176.0, 16.0


def correlations_by_estimator(
    rows: Sequence[tuple[str, Estimate, bool]], ceiling: float | None
) -> str:
    """Return the rank correlation of every estimate with its interval, one below the other.

    Args:
        rows: name, correlation, and whether it is a closed form; from top to bottom.
        ceiling: what a perfect estimate could reach; None where that is not known.
    """
    with style():
        height = ROW * len(rows) + TOP + BOTTOM
        figure, axes = canvas(height, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM)
        low = min(0.0, *(found.low for _, found, _ in rows))
        axes.set(xlim=(max(-1.0, 1.05 * low), 1.0), ylim=(len(rows), 0))
        for row, (name, found, closed) in enumerate(rows):
            colour, y = TARGET if closed else MUTED, row + 0.5
            axes.plot([found.low, found.high], [y, y], color=colour, linewidth=1.6)
            axes.plot(found.value, y, "o", color=colour, markersize=6, clip_on=False)
            axes.text(
                -10 / (WIDTH - LEFT - RIGHT),
                y,
                name,
                ha="right",
                va="center_baseline",
                color=colour,
                transform=axes.get_yaxis_transform(),
            )
        if ceiling is not None:
            axes.axvline(ceiling, color=REFERENCE, linewidth=2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("rank correlation with the shift that retraining shows")
        spoken = "; ".join(f"{name} {decimal(found.value, 2)}" for name, found, _ in rows)
        limit = "" if ceiling is None else f" Noise ceiling {decimal(ceiling, 2)}."
        return svg(figure, "comparison-correlations", f"Rank correlations: {spoken}.{limit}")


def estimate_and_truth(estimate: FloatArray, truth: FloatArray, error: FloatArray) -> str:
    """Return the measured shift of each record against its closed form.

    Args:
        estimate: float64 ``[r]``, root of the mean-distance value.
        truth: float64 ``[r]``, root of the prediction difference.
        error: float64 ``[r]``, its standard error.
    """
    with style():
        figure, axes = canvas(300, left=52, right=14, top=12, bottom=48)
        axes.errorbar(estimate, truth, error, fmt="none", ecolor=MUTED, elinewidth=1)
        axes.plot(estimate, truth, "o", color=TARGET, alpha=0.75, markersize=5, markeredgewidth=0)
        axes.set(xlim=(0, 1.06 * float(estimate.max())), ylim=(0, 1.1 * float(truth.max()) or 1.0))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.set_xlabel("closed form: root of the mean distance")
        axes.set_ylabel("retraining: shift of a logit")
        r = float(np.corrcoef(estimate, truth)[0, 1]) if np.ptp(estimate) and np.ptp(truth) else 0.0
        what = f"Scatter plot of {len(truth)} records: Pearson's correlation {decimal(r, 2)}."
        return svg(figure, "comparison-scatter", what)


def networks_along_lines(
    steps: Sequence[float], curves: Mapping[str, Mapping[str, Any]], label: str, scaled: bool
) -> str:
    """Return what networks tell along lines of each kind, and the closed form beside it.

    Args:
        steps: ``[t]``, 0 among them.
        curves: kind of line → ``networks``, ``error`` and ``closed_form``, each ``[t]``.
        label: of the measure.
        scaled: draw the closed form in units of its value at the record times that of the networks.
    """
    colours = {"random": TARGET, "neighbour": REFERENCE}
    with style():
        figure, axes = canvas(260, left=54, right=12, top=30, bottom=44)
        axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
        origin, spoken = list(steps).index(0), []
        for kind, found in curves.items():
            value = np.asarray(found["networks"], dtype=np.float64)
            form = np.asarray(found["closed_form"], dtype=np.float64)
            if scaled:
                form = form * (value[origin] / form[origin])
            colour = colours[kind]
            axes.plot(steps, form, color=colour, linewidth=1.4, linestyle=(0, (4, 2)))
            axes.plot(steps, value, color=colour, label=f"networks, {kind}")
            if found["error"] is not None:
                error = np.asarray(found["error"], dtype=np.float64)
                axes.fill_between(
                    steps, value - error, value + error, color=colour, alpha=0.18, linewidth=0
                )
            spoken.append(
                f"{kind}: networks {value[origin]:.3g} at the record, {value[-1]:.3g} at the end; "
                f"closed form {form[origin]:.3g} and {form[-1]:.3g}"
            )
        axes.plot([], [], color=MUTED, linewidth=1.4, linestyle=(0, (4, 2)), label="closed form")
        axes.set(xlim=(min(steps), max(steps)))
        axes.set_xlabel("distance from the record")
        axes.set_ylabel(label)
        figure.legend(
            loc="upper center", ncols=3, frameon=False, fontsize=10.5, handlelength=1.4,
            columnspacing=1.1, labelcolor=INK, borderaxespad=0.2, bbox_to_anchor=(0.55, 1.0),
        )  # fmt: skip
        return svg(figure, f"networks-{label.split()[0].lower()}", f"{'. '.join(spoken)}.")
