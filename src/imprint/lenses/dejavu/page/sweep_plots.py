"""The plots of a sweep: accuracy, categories and probes against what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from imprint.core.arrays import FloatArray
from imprint.report.drawing import INK, MUTED, PLACEHOLDERS, REFERENCE, TARGET, canvas, style, svg
from imprint.report.wording import percent, points
from imprint.stats.estimate import Estimate

STACK = ("correlated", "forgotten", "memorized")
"""From below; images that no model gets right fill the rest, as published."""
DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (5, 2, 1, 2)))
MOST_PERCENTS = len(DASHES)
_PERCENT = FuncFormatter(lambda value, _: percent(value, 0))


@dataclass(frozen=True)
class Scale:
    """Where the points of a plot stand.

    Attributes:
        places: float64 ``[m]``, rising.
        labels: written there.
        title: of the axis.
    """

    places: FloatArray
    labels: Sequence[str]
    title: str


def accuracies(
    name: str,
    scale: Scale,
    lines: Mapping[str, tuple[Sequence[Estimate], Sequence[Estimate]]],
) -> str:
    """Return accuracies of target and reference, a dash pattern a share of most confident images.

    Args:
        name: of the plot.
        scale: what was varied.
        lines: title of a share → estimates of (target, reference) at every place.
    """
    shown = list(lines.items())[:MOST_PERCENTS]
    with style():
        figure, axes = canvas(316, left=54, right=14, top=52, bottom=46)
        highest = 0.0
        apart = 0.012 * (float(np.ptp(scale.places)) or 1.0)
        for row, ((_, pair), dashes) in enumerate(zip(shown, DASHES, strict=False)):
            for column, (estimates, colour) in enumerate(
                zip(pair, (TARGET, REFERENCE), strict=True)
            ):
                places = scale.places + apart * (2 * row + column - len(shown) + 0.5)
                values = np.array([estimate.value for estimate in estimates])
                axes.plot(places, values, color=colour, linestyle=dashes, marker="o", markersize=4)
                low, high = np.array([(each.low, each.high) for each in estimates]).T
                axes.vlines(places, low, high, color=colour, linewidth=1.1, alpha=0.55)
                highest = max(highest, float(high.max()))
        axes.set_ylim(0, min(1.02, 1.06 * max(highest, 1e-3)))
        axes.set_ylabel("accuracy")
        axes.yaxis.set_major_formatter(_PERCENT)
        _place(axes, scale)
        _legend_above(axes, [title for title, _ in shown])
        title, (target, reference) = shown[0]
        gap = points(target[-1].value - reference[-1].value)
        what = (
            f"Line plot over {scale.title}: accuracy on {title}. At {scale.labels[-1]} the gap is "
            f"{gap} points."
        )
        return svg(figure, name, what)


def shares(name: str, scale: Scale, found: Mapping[str, FloatArray]) -> str:
    """Return the categories of the images, stacked, against what was varied.

    Args:
        name: of the plot.
        scale: what was varied.
        found: category → shares ``[m]``.
    """
    with style():
        figure, axes = canvas(286, left=54, right=14, top=34, bottom=46)
        stacked = [found[category] for category in STACK]
        colours = [PLACEHOLDERS[category] for category in STACK]
        if len(scale.places) > 1:
            axes.stackplot(scale.places, *stacked, colors=colours)
        else:
            below = np.zeros(1)
            for share, colour in zip(stacked, colours, strict=True):
                axes.bar(scale.places, share, bottom=below, color=colour, width=0.4)
                below = below + share
        top = float(np.sum(stacked, axis=0).max())
        axes.set_ylim(0, min(1.0, 1.08 * max(top, 1e-3)))
        axes.set_ylabel("share of the images")
        axes.yaxis.set_major_formatter(_PERCENT)
        _place(axes, scale)
        x = 0.0
        for category, colour in zip(STACK, colours, strict=True):
            axes.text(x, 1.06, "■", color=colour, transform=axes.transAxes)
            axes.text(x + 0.04, 1.06, category, color=INK, transform=axes.transAxes)
            x += 0.09 + 0.021 * len(category)
        last = ", ".join(f"{percent(float(found[key][-1]))} {key}" for key in STACK)
        what = f"Stacked shares over {scale.title}: at {scale.labels[-1]}, {last}."
        return svg(figure, name, what)


def probes(name: str, scale: Scale, seen: FloatArray, held_out: FloatArray) -> str:
    """Return the accuracy of linear probes on images of training and on others.

    Args:
        name: of the plot.
        scale: what was varied.
        seen: float64 ``[m]``, accuracies in [0, 1].
        held_out: float64 ``[m]``.
    """
    with style():
        figure, axes = canvas(286, left=54, right=14, top=34, bottom=46)
        for values, dashes in ((seen, "solid"), (held_out, DASHES[1])):
            axes.plot(scale.places, values, color=INK, linestyle=dashes, marker="o", markersize=4)
        highest = float(max(np.nanmax(seen), np.nanmax(held_out), 1e-3))
        axes.set_ylim(0, min(1.02, 1.06 * highest))
        axes.set_ylabel("accuracy of the probe")
        axes.yaxis.set_major_formatter(_PERCENT)
        _place(axes, scale)
        for x, dashes, text in ((0.0, "solid", "images of training"), (0.48, DASHES[1], "others")):
            axes.plot(
                [x, x + 0.07],
                [1.09, 1.09],
                color=INK,
                linestyle=dashes,
                clip_on=False,
                transform=axes.transAxes,
            )
            axes.text(x + 0.09, 1.09, text, color=INK, va="center", transform=axes.transAxes)
        what = (
            f"Line plot over {scale.title}: linear probes reach {percent(float(seen[-1]))} on "
            f"images of training and {percent(float(held_out[-1]))} on others at "
            f"{scale.labels[-1]}."
        )
        return svg(figure, name, what)


def _place(axes: Axes, scale: Scale) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=(1, 2, 5, 10)))
    axes.set_xlabel(scale.title)
    low, high = float(scale.places[0]), float(scale.places[-1])
    room = 0.04 * (high - low) or 0.5
    axes.set_xlim(low - room, high + room)
    if len(scale.places) <= 6:
        axes.xaxis.set_major_locator(FixedLocator(list(scale.places)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(list(scale.places), list(scale.labels))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=(1, 2, 5, 10)))


def _legend_above(axes: Axes, titles: Sequence[str]) -> None:
    for x, colour, text in ((0.0, TARGET, "saw them"), (0.3, REFERENCE, "did not")):
        axes.text(x, 1.14, "■", color=colour, transform=axes.transAxes)
        axes.text(x + 0.04, 1.14, text, color=INK, transform=axes.transAxes)
    x = 0.0
    for title, dashes in zip(titles, DASHES, strict=False):
        axes.plot(
            [x, x + 0.07],
            [1.06, 1.06],
            color=MUTED,
            linestyle=dashes,
            clip_on=False,
            transform=axes.transAxes,
        )
        axes.text(x + 0.09, 1.06, title, color=INK, va="center", transform=axes.transAxes)
        x += 0.14 + 0.022 * len(title)
