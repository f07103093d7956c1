"""The plots of the page, each a function from arrays to an ``<svg>`` element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.optimize import isotonic_regression

from imprint.core.arrays import FloatArray
from imprint.report.drawing import (
    INK,
    MUTED,
    PLACEHOLDERS,
    REFERENCE,
    TARGET,
    WIDTH,
    canvas,
    panel,
    style,
    svg,
)
from imprint.report.wording import percent, points
from imprint.stats.estimate import Estimate

CATEGORY_LABELS = {
    "memorized": "memorized",
    "forgotten": "forgotten",
    "correlated": "correlated",
    "unassociated": "neither",
}
MOST_CLASSES = 40
READABLE_SHARE = 0.105


def accuracy_by_confidence(
    percents: FloatArray,
    target: FloatArray,
    reference: FloatArray,
    marks: Mapping[float, tuple[Estimate, Estimate]],
    chance: float | None = None,
) -> str:
    """Return the accuracy of both models on the most confident p % of the images.

    Args:
        percents: float64 ``[m]``, p in (0, 100], rising.
        target: float64 ``[m]``, accuracies in [0, 1].
        reference: float64 ``[m]``, accuracies in [0, 1].
        marks: percentage → estimates of (target, reference), drawn with their intervals.
        chance: accuracy of guessing, drawn as a dotted line.
    """
    with style():
        figure, axes = canvas(300, left=54, right=86, top=14, bottom=44)
        axes.fill_between(percents, reference, target, color=TARGET, alpha=0.12, linewidth=0)
        axes.plot(percents, target, color=TARGET)
        axes.plot(percents, reference, color=REFERENCE)
        for at, pair in marks.items():
            for estimate, colour in zip(pair, (TARGET, REFERENCE), strict=True):
                _whisker(axes, at, estimate, colour)
        top = max(1e-3, *(pair[k].high for pair in marks.values() for k in (0, 1))) if marks else 0
        top = max(top, float(np.nanmax(target)), float(np.nanmax(reference)))
        axes.set(xlim=(0, 102), ylim=(0, min(1.02, 1.08 * top)))
        axes.set_xlabel("most confident share of the images (%)")
        axes.set_ylabel("accuracy")
        axes.yaxis.set_major_formatter(_PERCENT)
        labels = {"saw them": (target[-1], TARGET), "did not": (reference[-1], REFERENCE)}
        if chance is not None:
            axes.axhline(chance, color=MUTED, linewidth=1.2, linestyle=(0, (1, 3)))
            labels["guessing"] = (chance, MUTED)
        _end_labels(axes, 104, labels)
        gap = points(float(target[-1] - reference[-1]))
        what = (
            "Line plot: accuracy on the most confident images. On all images the model that saw "
            f"them reaches {percent(float(target[-1]))}, the one that did not "
            f"{percent(float(reference[-1]))}: a gap of {gap} points."
        )
        return svg(figure, "accuracy-by-confidence", what)


def category_shares(shares: Mapping[float, Mapping[str, float]]) -> str:
    """Return the shares of the four categories as one stacked bar for each percentage.

    Args:
        shares: percentage → category → share in [0, 1]; the shares of a bar sum to 1.
    """
    rows = len(shares)
    with style():
        figure, axes = canvas(48 + 84 * rows, left=46, right=8, top=34, bottom=6)
        for row, bar in enumerate(shares.values()):
            _stacked_bar(axes, row, bar)
        axes.set(xlim=(0, 1), ylim=(rows - 0.3, -0.35), xticks=[])
        axes.set_yticks(range(rows), ["all" if at == 100 else f"{at:g}%" for at in shares])
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
        _legend(figure, [(label, PLACEHOLDERS[name]) for name, label in CATEGORY_LABELS.items()])
        spoken = [
            f"of the most confident {at:g}%, "
            + ", ".join(f"{percent(bar[name])} {label}" for name, label in CATEGORY_LABELS.items())
            for at, bar in shares.items()
        ]
        return svg(figure, "category-shares", f"Stacked bars: {'; '.join(spoken)}.")


def strength_histogram(memorized: FloatArray, forgotten: FloatArray) -> str:
    """Return how strongly images are memorized, upwards, against forgotten ones, downwards.

    Args:
        memorized: float64 ``[m]``, target minus reference confidence in nats.
        forgotten: float64 ``[f]``, reference minus target confidence in nats.
    """
    both = np.concatenate([memorized, forgotten])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-6), 25)
    with style():
        figure, axes = canvas(300, left=46, right=8, top=14, bottom=44)
        for values, sign, colour in ((memorized, 1, TARGET), (forgotten, -1, REFERENCE)):
            heights = sign * np.histogram(values, edges)[0]
            axes.bar(edges[:-1], heights, np.diff(edges) * 0.92, align="edge", color=colour)
        axes.axhline(0, color=MUTED, linewidth=1)
        axes.margins(y=0.12)
        axes.set_xlabel("confidence of the right model over the wrong one (nats)")
        axes.set_ylabel("images")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=_WHOLE_STEPS))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
        for text, y, va, colour in (
            (f"{len(memorized)} memorized", 0.98, "top", TARGET),
            (f"{len(forgotten)} forgotten (noise)", 0.03, "bottom", REFERENCE),
        ):
            axes.text(0.98, y, text, color=colour, ha="right", va=va, transform=axes.transAxes)
        what = (
            f"Histogram of confidence differences in nats: {len(memorized)} memorized images "
            f"upwards, {len(forgotten)} forgotten images downwards."
        )
        return svg(figure, "strength", what)


def class_gaps(names: Sequence[str], target: FloatArray, reference: FloatArray) -> str:
    """Return target minus reference accuracy of each class as sorted bars.

    Of more than ``MOST_CLASSES`` classes, those with the largest and those with the smallest gaps
    are drawn, half of each: the negative end shows how large gaps of pure noise are.

    Args:
        names: of the classes.
        target: float64 ``[classes]``, accuracies in [0, 1], none NaN.
        reference: float64 ``[classes]``, accuracies in [0, 1], none NaN.
    """
    gaps = target - reference
    order = np.argsort(-gaps, kind="stable")
    left_out = max(0, len(order) - MOST_CLASSES)
    if left_out:
        half = MOST_CLASSES // 2
        order = np.concatenate([order[:half], order[-half:]])
    places = np.arange(len(order), dtype=float)
    if left_out:
        places[MOST_CLASSES // 2 :] += 1
    with style():
        figure, axes = canvas(
            56 + 15 * (len(order) + bool(left_out)), left=136, right=44, top=6, bottom=44
        )
        values = gaps[order]
        colours = [TARGET if value >= 0 else REFERENCE for value in values]
        axes.barh(places, values, height=0.72, color=colours)
        axes.axvline(0, color=MUTED, linewidth=1)
        for place, value in zip(places, values, strict=True):
            side = 1 if value >= 0 else -1
            axes.annotate(
                points(float(value)),
                (float(value), float(place)),
                xytext=(3 * side, 0),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="center_baseline",
                color=MUTED,
                fontsize=10,
            )
        if left_out:
            axes.annotate(
                f"… {left_out} classes between …",
                (0, MOST_CLASSES // 2),
                xytext=(5, 0),
                textcoords="offset points",
                va="center_baseline",
                color=MUTED,
            )
        reach = max(0.01, float(np.abs(values).max(initial=0)))
        low = values.min() - 0.6 * reach if (values < 0).any() else 0  # its label, inside
        axes.set(xlim=(low, 1.05 * reach), ylim=(places[-1] + 0.7, -0.7))
        axes.set_yticks(places, [_short(names[row]) for row in order])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=_ROUND_STEPS))
        axes.xaxis.set_major_formatter(_POINTS)
        axes.set_xlabel("accuracy gap (percentage points)")
        first, last = order[0], order[-1]
        what = (
            f"Bars: accuracy gap of {len(gaps)} classes, from {_clean(names[first])} with "
            f"{points(float(gaps[first]))} points to {_clean(names[last])} with "
            f"{points(float(gaps[last]))} points."
        )
        return svg(figure, "class-gaps", what)


def accuracy_by_epoch(
    epochs: FloatArray,
    target: FloatArray,
    reference: FloatArray,
    score: tuple[FloatArray, FloatArray, FloatArray],
) -> str:
    """Return the accuracies of both models over training, and below, the score with its band.

    Args:
        epochs: float64 ``[m]``, rising.
        target: float64 ``[m]``, accuracies in [0, 1].
        reference: float64 ``[m]``, accuracies in [0, 1].
        score: value, low and high end of the 95 % interval, each float64 ``[m]``.
    """
    value, low, high = score
    with style():
        figure, upper = canvas(380, left=46, right=86, top=14, bottom=190)
        lower = panel(figure, left=46, right=86, top=220, bottom=44)
        upper.plot(epochs, target, color=TARGET)
        upper.plot(epochs, reference, color=REFERENCE)
        upper.set_ylim(0, max(0.01, 1.1 * float(max(np.nanmax(target), np.nanmax(reference)))))
        upper.set_ylabel("accuracy")
        upper.tick_params(labelbottom=False)
        lower.fill_between(epochs, low, high, color=TARGET, alpha=0.16, linewidth=0)
        lower.plot(epochs, value, color=INK)
        lower.axhline(0, color=MUTED, linewidth=1)
        lower.set_ylabel("gap")
        lower.set_xlabel("epoch of training")
        for axes in (upper, lower):
            axes.set_xlim(float(epochs[0]), float(epochs[-1]) + (epochs[0] == epochs[-1]))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=_WHOLE_STEPS))
            axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=_ROUND_STEPS))
            axes.yaxis.set_major_formatter(_PERCENT)
        end = lower.get_xlim()[1]
        beyond = end + 0.02 * (end - lower.get_xlim()[0])
        _end_labels(
            upper, beyond, {"saw them": (target[-1], TARGET), "did not": (reference[-1], REFERENCE)}
        )
        _end_labels(lower, beyond, {"déjà vu": (value[-1], INK)})
        what = (
            f"Line plots over {len(epochs)} epochs: the déjà vu score goes from "
            f"{points(float(value[0]))} to {points(float(value[-1]))} points."
        )
        return svg(figure, "epochs", what)


_POINTS = FuncFormatter(lambda value, _: f"{round(100 * value, 6):g}".replace("-", "−"))
_PERCENT = FuncFormatter(lambda value, _: percent(value, 0))
_ROUND_STEPS = (1, 2, 2.5, 5, 10)
_WHOLE_STEPS = (1, 2, 5, 10)


def _stacked_bar(axes: Axes, row: int, shares: Mapping[str, float]) -> None:
    """Draw one bar with each share written in it, or under it where there is no room."""
    left, narrow = 0.0, []
    for name in CATEGORY_LABELS:
        share, middle = shares[name], left + shares[name] / 2
        axes.barh(row, share, left=left, height=0.56, color=PLACEHOLDERS[name])
        light = name == "unassociated"
        if share >= READABLE_SHARE:
            colour = INK if light else PLACEHOLDERS["on-colour"]
            axes.text(middle, row, percent(share), color=colour, ha="center", va="center")
        else:
            narrow.append((middle, percent(share), MUTED if light else PLACEHOLDERS[name]))
        left += share
    places = _spread([middle for middle, _, _ in narrow], 0.115, 0.04, 0.96)
    for place, (_, text, colour) in zip(places, narrow, strict=True):
        axes.text(place, row + 0.33, text, color=colour, ha="center", va="top")


def _whisker(axes: Axes, at: float, estimate: Estimate, colour: str) -> None:
    axes.vlines(at, estimate.low, estimate.high, color=colour, linewidth=1.4)
    axes.plot([at], [estimate.value], "o", color=colour, markersize=5)


def _end_labels(axes: Axes, x: float, labels: Mapping[str, tuple[float, str]]) -> None:
    """Write each label behind the end of its line, none over another."""
    low, high = axes.get_ylim()
    heights = _spread([float(y) for y, _ in labels.values()], 0.09 * (high - low), low, high)
    for (text, (_, colour)), y in zip(labels.items(), heights, strict=True):
        axes.text(x, y, text, color=colour, va="center", fontweight="bold", clip_on=False)


def _legend(figure: Figure, entries: Sequence[tuple[str, str]]) -> None:
    """Write the names behind squares of their colours along the top of the figure."""
    x = 46.0
    for text, colour in entries:
        figure.text(x / WIDTH, 1, "■", color=colour, va="top")
        figure.text((x + 13) / WIDTH, 1, text, color=INK, va="top")
        x += 28 + 6.7 * len(text)


def _spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return the places moved as little as needed to lie ``least`` apart within [low, high].

    Less the room for those below, places keep their distance when they do not fall: the nearest
    such sequence is an isotonic regression.
    """
    if not places:
        return []
    order = np.argsort(places, kind="stable")
    room = least * np.arange(len(places))
    free = isotonic_regression(np.asarray(places, dtype=float)[order] - room).x
    moved = np.empty(len(places))
    moved[order] = np.clip(free, low, max(low, high - room[-1])) + room
    return [float(place) for place in moved]


def _short(name: str, most: int = 20) -> str:
    text = _clean(name)
    return text if len(text) <= most else text[: most - 1] + "…"


def _clean(name: str) -> str:
    """Return a name on one line, without characters that XML forbids."""
    return "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
