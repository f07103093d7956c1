"""The plots of the comparison with retraining, each a function from numbers to an ``<svg>``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from imprint.report.drawing import MUTED, REFERENCE, TARGET, WIDTH, canvas, style, svg
from imprint.report.inputs import Estimate
from imprint.report.wording import decimal
from imprint.stats.checks import FloatArray

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
