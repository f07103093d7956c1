"""The plots of the membership section, each a function from arrays to an ``<svg>`` element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.cohort.agreement import Pattern
from imprint.report.drawing import (
    INK,
    MUTED,
    PLACEHOLDERS,
    REFERENCE,
    RULE,
    TARGET,
    canvas,
    panel,
    style,
    svg,
)
from imprint.report.wording import count as whole
from imprint.report.wording import decimal, percent
from imprint.stats import Roc, tpr_at_fpr

MOST_CURVES = 4
MOST_ATTACKS = 10
MOST_INTERSECTIONS = 12
COLUMNS_A_DECADE = 200

_LINES = (
    (TARGET, "solid"),
    (REFERENCE, (0, (6, 2))),
    (INK, (0, (2, 1.5))),
    (PLACEHOLDERS["correlated"], (0, (6, 2, 1, 2))),
)


def log_roc(curves: Mapping[str, Roc]) -> str:
    """Return true against false positive rates, both on logarithmic axes.

    Curves are the exact steps, and start at the least false positive rate that can be seen.

    Args:
        curves: by name, ``MOST_CURVES`` at most, all of the same records.
    """
    first = next(iter(curves.values()))
    return log_curves(
        {name: steps(curve) for name, curve in curves.items()},
        {name: tpr_at_fpr(curve, 0.1) for name, curve in curves.items()},
        first.resolution,
        1 / first.positives,
    )


def log_curves(
    curves: Mapping[str, tuple[FloatArray, FloatArray]],
    at_tenth: Mapping[str, float],
    low: float,
    floor: float,
) -> str:
    """Return steps of true over false positive rates, both on logarithmic axes.

    Args:
        curves: rates at which a curve rises, and to where, by name; ``MOST_CURVES`` at most.
        at_tenth: true positive rate at 10 % false positives, by name; told to screen readers.
        low: least false positive rate to show.
        floor: least true positive rate above 0.
    """
    with style():
        figure, axes = canvas(320, left=54, right=14, top=14, bottom=48)
        axes.plot([low, 1], [low, 1], color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
        for (colour, dashes), (x, y) in zip(_LINES, curves.values(), strict=False):
            axes.step(
                x, np.maximum(y, floor), where="post", color=colour, linestyle=dashes, linewidth=1.8
            )
        axes.set(xscale="log", yscale="log", xlim=(low, 1), ylim=(min(low, floor), 1.15))
        for axis in (axes.xaxis, axes.yaxis):
            least = min(low, floor) if axis is axes.yaxis else low
            axis.set_major_locator(FixedLocator(_decades(least)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: _share(value)))
        axes.set_xlabel("false positive rate: non-members called members")
        axes.set_ylabel("true positive rate: members found")
        _names(axes, list(curves))
        spoken = [f"{name} {percent(at_tenth[name])} at 10%" for name in curves]
        what = (
            f"Curves of true against false positive rates from {_share(low)} on, logarithmic. "
            f"Members found: {'; '.join(spoken)}."
        )
        return svg(figure, "membership-roc", what)


def steps(curve: Roc) -> tuple[FloatArray, FloatArray]:
    """Return where a curve rises from its resolution on: false and true positive rates.

    Between two places it is level. Of places closer than half a plot unit the first is kept.
    """
    last_of_rate = np.append(np.diff(curve.fpr) > 0, True)
    fpr, tpr = curve.fpr[last_of_rate], curve.tpr[last_of_rate]
    seen = fpr > curve.resolution * (1 + 1e-12)
    start = tpr_at_fpr(curve, curve.resolution * (1 + 1e-12))
    x = np.concatenate([[curve.resolution], fpr[seen]])
    y = np.concatenate([[start], tpr[seen]])
    column = np.floor(np.log10(x) * COLUMNS_A_DECADE)
    kept = np.append(True, np.diff(column) > 0)
    kept[-1] = True
    return x[kept], y[kept]


def agreement_matrix(names: Sequence[str], shares: FloatArray) -> str:
    """Return how far the most suspected records of two attacks are the same, as a matrix.

    Args:
        names: of the attacks, ``MOST_ATTACKS`` at most.
        shares: float64 ``[m, m]`` in [0, 1].
    """
    count = len(names)
    side = min(34.0, 262 / count)
    with style():
        figure, axes = canvas(
            side * count + 112, left=128, right=272 - side * count, top=4, bottom=108
        )
        for row in range(count):
            for column in range(count):
                value = float(shares[row, column])
                box = {"facecolor": TARGET, "alpha": 0.04 + 0.5 * value, "linewidth": 0}
                axes.axvspan(column, column + 1, 1 - (row + 1) / count, 1 - row / count, **box)
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center_baseline",
                    color=INK,
                    fontsize=10,
                )
        axes.set(xlim=(0, count), ylim=(count, 0))
        places = np.arange(count) + 0.5
        axes.set_yticks(places, names)
        axes.set_xticks(places, names, rotation=55, ha="right", rotation_mode="anchor")
        axes.tick_params(length=0, labelcolor=INK)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        apart = shares[~np.eye(count, dtype=bool)]
        what = f"Matrix: overlap of the most suspected records of {count} attacks"
        if len(apart):
            what += f", from {percent(float(apart.min()), 0)} to {percent(float(apart.max()), 0)}"
        return svg(figure, "membership-agreement", what + ".")


def upset(names: Sequence[str], counts: Sequence[tuple[Pattern, float]]) -> str:
    """Return how many records exactly which attacks suspect most: bars over a matrix of dots.

    Args:
        names: of the attacks.
        counts: by which attacks have the records among their top, the most first. Records that
            none suspects are not drawn, and of the others the first ``MOST_INTERSECTIONS`` bars.
    """
    suspected = [(pattern, value) for pattern, value in counts if any(pattern)]
    sizes = [sum(value for on, value in suspected if on[row]) for row in range(len(names))]
    shown = suspected[:MOST_INTERSECTIONS]
    labels = [name.replace(" = ", "\n= ") for name in names]
    heights = [10 + 14 * (label.count("\n") + 1) for label in labels]
    width = min(30.0, 236 / len(shown))
    with style():
        sides = {"left": 162, "right": 238 - width * len(shown)}
        figure, bars = canvas(sum(heights) + 144, **sides, top=30, bottom=sum(heights) + 10)
        dots = panel(figure, **sides, top=136, bottom=8)
        _intersection_bars(bars, shown, width)
        _intersection_dots(dots, labels, heights, [records(size) for size in sizes], shown)
        return svg(figure, "membership-upset", _spoken(names, suspected))


def records(value: float) -> str:
    """Return a number of records, or a mean number: with one decimal where it is small.

    >>> records(12), records(6.3), records(1234.6), records(0.01)
    ('12', '6.3', '1,235', '<0.1')
    """
    if value >= 10 or value == round(value):
        return whole(value)
    return decimal(value) if value >= 0.05 else "<0.1"


def memorization_histogram(scores: FloatArray, cut: float) -> str:
    """Return how many records have which memorization, with a logarithmic count.

    Args:
        scores: float64 ``[n]`` in [−1, 1].
        cut: from where on a record counts as memorized.
    """
    low = min(-0.2, float(np.floor(scores.min() * 10) / 10)) if len(scores) else -0.2
    edges = np.arange(round(low * 20), 21) / 20
    heights, _ = np.histogram(scores, edges)
    with style():
        figure, axes = canvas(320, left=54, right=14, top=14, bottom=48)
        colours = [TARGET if left >= cut - 1e-9 else MUTED for left in edges[:-1]]
        axes.bar(edges[:-1], heights, np.diff(edges) * 0.9, align="edge", color=colours, log=True)
        axes.axvline(cut, color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.set(xlim=(edges[0], 1.0), ylim=(0.7, max(2.0, 2 * heights.max())))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("memorization")
        axes.set_ylabel("images")
        beyond = int((scores >= cut).sum())
        axes.text(
            0.98,
            0.97,
            f"{beyond} memorized",
            color=TARGET,
            ha="right",
            va="top",
            transform=axes.transAxes,
        )
        what = f"Histogram of memorization: {beyond} of {len(scores)} images from {cut:g} on."
        return svg(figure, "memorization", what)


def _intersection_bars(axes: Axes, shown: Sequence[tuple[Pattern, float]], width: float) -> None:
    """Draw a bar an intersection, coloured where attacks agree, its count above it."""
    values = [value for _, value in shown]
    colours = [TARGET if sum(pattern) > 1 else MUTED for pattern, _ in shown]
    axes.bar(range(len(shown)), values, 0.62, color=colours)
    told = [records(value) for value in values]
    # Numbers wider than their column would run into each other.
    turn = 90 if 5.6 * max(map(len, told)) > width else 0
    for column, (value, text) in enumerate(zip(values, told, strict=True)):
        axes.annotate(
            text,
            (column, value),
            (0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=INK,
            fontsize=9.5,
            rotation=turn,
        )
    axes.set(xlim=(-0.5, len(shown) - 0.5), ylim=(0, max(values)), xticks=[], yticks=[])
    axes.spines["left"].set_visible(False)


def _intersection_dots(
    axes: Axes,
    labels: Sequence[str],
    heights: Sequence[float],
    sizes: Sequence[str],
    shown: Sequence[tuple[Pattern, float]],
) -> None:
    """Draw a row an attack, its name and size on the left, and a dot where a bar is of its set."""
    edges = np.concatenate([[0], np.cumsum(heights)])
    middles = (edges[1:] + edges[:-1]) / 2
    for row in range(0, len(labels), 2):
        axes.axhspan(edges[row], edges[row + 1], color=RULE, alpha=0.45, linewidth=0)
    for column, (pattern, _) in enumerate(shown):
        on = np.array(pattern)
        colour = TARGET if on.sum() > 1 else MUTED
        x = np.full(len(labels), column)
        axes.plot(x[~on], middles[~on], "o", markersize=4, color=RULE, markeredgewidth=0)
        axes.plot(x[on], middles[on], "o-", markersize=8, color=colour, markeredgewidth=0)
    axes.set(xlim=(-0.5, len(shown) - 0.5), ylim=(edges[-1], 0), xticks=[])
    axes.set_yticks(middles, labels)
    axes.tick_params(length=0, labelcolor=INK, pad=38)
    for middle, size in zip(middles, sizes, strict=True):
        axes.annotate(
            size,
            (0, middle),
            (-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            color=MUTED,
            fontsize=10,
            annotation_clip=False,
        )
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _spoken(names: Sequence[str], suspected: Sequence[tuple[Pattern, float]]) -> str:
    by_all = sum(value for on, value in suspected if all(on))
    alone = sum(value for on, value in suspected if sum(on) == 1)
    most = [
        f"{records(value)} by {' and '.join(np.array(names)[list(on)])}"
        for on, value in suspected[:3]
    ]
    return (
        f"Bars: records among the most suspected of {len(names)} attacks, by which suspect them. "
        f"Of {records(sum(value for _, value in suspected))} in all, {records(by_all)} by every "
        f"attack, {records(alone)} by one alone. Largest: {'; '.join(most)}."
    )


def _decades(least: float) -> list[float]:
    lowest = int(np.ceil(np.log10(least) - 1e-9))
    return [10.0**power for power in range(lowest, 1)]


def _share(value: float) -> str:
    return f"{float(f'{100 * value:.2g}'):g}%"


def _names(axes: Axes, names: Sequence[str]) -> None:
    """Write the names in the corner that curves above chance leave free."""
    drawn = list(zip(names, _LINES, strict=False))
    for row, (name, (colour, dashes)) in enumerate(reversed(drawn)):
        y = 0.06 + 0.075 * row
        axes.plot(
            [0.6, 0.68],
            [y, y],
            color=colour,
            linestyle=dashes,
            transform=axes.transAxes,
            linewidth=1.8,
        )
        axes.text(0.7, y, name, color=INK, va="center_baseline", transform=axes.transAxes)
