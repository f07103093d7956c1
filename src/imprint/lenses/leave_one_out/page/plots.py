"""The plots of the leave-one-out section, each a function from arrays to an ``<svg>`` element."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from imprint.core.arrays import BoolArray, FloatArray
from imprint.report.drawing import INK, REFERENCE, TARGET, canvas, name_end, style, svg
from imprint.report.wording import decimal, significant

BINS = 24
MOST_DECADES = 8
MOST_POINTS = 1000


def divergence_histogram(divergences: FloatArray) -> str:
    """Return how many records have which divergence, on a logarithmic axis.

    Args:
        divergences: KL(out ‖ in), float64 ``[n]``, in nats; zeros are counted in the first bin.
    """
    positive = divergences[divergences > 0]
    if not len(positive):
        positive = np.ones(1)
    low, high = np.log10(positive.min()), np.log10(positive.max())
    edges = 10 ** np.linspace(max(low, high - MOST_DECADES), max(high, low + 0.1), BINS + 1)
    heights, _ = np.histogram(np.clip(divergences, edges[0], edges[-1]), edges)
    middle = float(np.median(divergences))
    with style():
        figure, axes = canvas(300, left=46, right=14, top=24, bottom=48)
        axes.bar(edges[:-1], heights, np.diff(edges) * 0.92, align="edge", color=TARGET)
        axes.set(xscale="log", xlim=(edges[0], edges[-1]), ylim=(0, 1.12 * heights.max()))
        _powers(axes)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("KL(out ‖ in) at the record itself (nats)")
        axes.set_ylabel("records")
        if edges[0] < middle < edges[-1]:
            axes.axvline(middle, color=INK, linewidth=1, linestyle=(0, (3, 3)))
            left = np.log(middle / edges[0]) > 0.5 * np.log(edges[-1] / edges[0])
            axes.annotate(
                f"median {significant(middle)}",
                (middle, 1.0),
                (-5 if left else 5, 4),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right" if left else "left",
                color=INK,
            )
        what = (
            f"Histogram of the divergences of {len(divergences)} records: median "
            f"{significant(middle)}, most {significant(float(divergences.max()))} nats."
        )
        return svg(figure, "leave-one-out-divergence", what)


def leverage_and_residual(leverage: FloatArray, residual: FloatArray, by_label: BoolArray) -> str:
    """Return residual against leverage, coloured by which of the two sets the record apart.

    Args:
        leverage: float64 ``[n]`` in [0, 1], ``MOST_POINTS`` at most.
        residual: float64 ``[n]``, of the model without the record.
        by_label: bool ``[n]``, whether it is the residual.
    """
    with style():
        figure, axes = canvas(320, left=46, right=14, top=38, bottom=48)
        for rows, colour, marker in ((~by_label, REFERENCE, "^"), (by_label, TARGET, "o")):
            axes.plot(
                leverage[rows],
                residual[rows],
                marker,
                color=colour,
                alpha=0.6,
                markersize=4,
                markeredgewidth=0,
            )
        most = float(residual.max())
        axes.set(xlim=(0, min(1.0, 1.06 * float(leverage.max()))), ylim=(0, 1.06 * most or 1.0))
        axes.set_xlabel("leverage: how far the fit follows the record's own label")
        axes.set_ylabel("residual without the record")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        legend = (("● unexpected label", 0.0, TARGET), ("▲ far from the rest", 0.48, REFERENCE))
        for text, x, colour in legend:
            axes.text(x, 1.05, text, color=colour, transform=axes.transAxes)
        what = (
            f"Scatter plot of {len(leverage)} records: leverage from "
            f"{decimal(float(leverage.min()), 2)} to {decimal(float(leverage.max()), 2)}, residual "
            f"to {decimal(most, 2)}; {int(by_label.sum())} stand out by an unexpected label."
        )
        return svg(figure, "leave-one-out-scatter", what)


def divergence_path(
    noise: FloatArray, low: FloatArray, middle: FloatArray, high: FloatArray, most: FloatArray
) -> str:
    """Return the divergence of the records over the noise variance, both logarithmic.

    Args:
        noise: float64 ``[m]``, at least two that differ, rising.
        low: float64 ``[m]``, the 5 % quantile at each.
        middle: float64 ``[m]``, the median.
        high: float64 ``[m]``, the 95 % quantile.
        most: float64 ``[m]``, the largest.
    """
    with style():
        figure, axes = canvas(300, left=54, right=64, top=14, bottom=48)
        axes.fill_between(noise, low, high, color=TARGET, alpha=0.14, linewidth=0)
        axes.plot(noise, middle, color=TARGET, marker="o", markersize=4)
        axes.plot(noise, most, color=INK, linewidth=1.2, linestyle=(0, (3, 3)))
        axes.set(xscale="log", yscale="log", xlim=(noise[0], noise[-1]))
        _powers(axes)
        axes.yaxis.set_major_locator(LogLocator(numticks=7))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
        axes.set_xlabel("noise variance")
        axes.set_ylabel("KL(out ‖ in) (nats)")
        ends = ((most[-1], "most", INK), (middle[-1], "median", TARGET))
        for value, text, colour in ends:
            name_end(axes, value, text, colour)
        what = (
            f"Curve: the median divergence goes from {significant(float(middle[0]))} nats at "
            f"noise {significant(float(noise[0]))} to {significant(float(middle[-1]))} at "
            f"{significant(float(noise[-1]))}."
        )
        return svg(figure, "leave-one-out-path", what)


def _powers(axes: Axes) -> None:
    low, high = axes.get_xlim()
    steps = (1.0,) if high > 200 * low else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=steps, numticks=7))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
