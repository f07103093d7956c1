"""Figures of the two-model and the one-model test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.dejavu.findings import ByPercent
from imprint.report.figure import (
    Area,
    Axis,
    Bar,
    Bars,
    Colour,
    Histogram,
    Level,
    Lines,
    Series,
    StackedBars,
    estimates,
)
from imprint.report.wording import count, percent, points, short_percent, short_points
from imprint.study.tables import Table

CATEGORY_COLOURS: Sequence[tuple[str, Colour]] = (
    ("memorized", "memorized"),
    ("forgotten", "forgotten"),
    ("correlated", "correlated"),
    ("neither", "unassociated"),
)
MEMORIZED, FORGOTTEN = 1, 2
MAX_CLASSES = 40
"""Classes that are drawn; of more, those with the largest and those with the smallest gaps."""
BINS = 24


def accuracy_by_confidence(curve: Table, test: ByPercent, chance: float | None) -> Lines:
    """Return the accuracy of both models on the most confident p % of the images.

    Args:
        curve: columns ``percent``, ``target_accuracy`` and ``reference_accuracy``.
        test: estimates by percentage, drawn with their intervals.
        chance: accuracy of guessing; None for none.
    """
    x, target, reference = (
        curve[name].astype(np.float64)
        for name in ("percent", "target_accuracy", "reference_accuracy")
    )
    cuts = [float(p) for p in test]
    marks = [
        estimates("", cuts, [getattr(e, f"{name}_accuracy") for e in test.values()],
                  line="none", colour=name)
        for name in ("target", "reference")
    ]  # fmt: skip
    gap = points(float(target[-1] - reference[-1]))
    return Lines(
        name="accuracy-by-confidence",
        title="Accuracy and confidence",
        caption="Accuracy of naming the object from the background crop, on the images each model "
        "is most confident of. The shaded gap is the déjà vu score; whiskers are 95% intervals.",
        description="Line plot: accuracy on the most confident images. On all images the target "
        f"model reaches {percent(float(target[-1]))}, the reference model "
        f"{percent(float(reference[-1]))}: a gap of {gap} points.",
        x=Axis("most confident share of the images (%)", low=0, high=102),
        y=Axis("accuracy", short_percent, low=0),
        areas=[Area(x, reference, target)],
        series=[
            Series("target", x, target, colour="target"),
            Series("reference", x, reference, colour="reference"),
            *marks,
        ],
        levels=[] if chance is None else [Level(chance, "guessing")],
        legend="ends",
    )


def category_shares(test: ByPercent, caption: str) -> StackedBars:
    """Return the shares of the four categories, a stacked bar a percentage."""
    bars, spoken = {}, []
    for at, e in test.items():
        shares = [e.memorized.value, e.forgotten.value, e.correlated.value, e.unassociated.value]
        bars["all" if float(at) == 100 else f"{at}%"] = shares
        named = zip(CATEGORY_COLOURS, shares, strict=True)
        parts = ", ".join(f"{percent(share)} {name}" for (name, _), share in named)
        spoken.append(f"of the most confident {at}%, {parts}")
    return StackedBars(
        name="category-shares",
        title="What the background reveals",
        caption=caption,
        description=f"Stacked bars: {'; '.join(spoken)}.",
        bars=bars,
        categories=CATEGORY_COLOURS,
    )


def strength_histogram(category: IntArray, strength: FloatArray, caption: str) -> Histogram:
    """Return how strongly images are memorized, upwards, against forgotten ones, downwards.

    Args:
        category: int64 ``[n]``, places in ``CATEGORIES``.
        strength: float64 ``[n]``, target minus reference confidence in nats.
        caption: below the figure.
    """
    memorized, forgotten = strength[category == MEMORIZED], -strength[category == FORGOTTEN]
    both = np.concatenate([memorized, forgotten])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    return Histogram(
        name="strength",
        title="How strongly single images are memorized",
        caption=caption,
        description=f"Histogram of confidence differences in nats: {len(memorized)} memorized "
        f"images upwards, {len(forgotten)} forgotten images downwards.",
        x=Axis("confidence of the right model over the wrong one (nats)"),
        y=Axis("images", count, whole=True),
        edges=edges,
        up=np.histogram(memorized, edges)[0],
        down=np.histogram(forgotten, edges)[0],
        notes=(f"{len(memorized)} memorized", f"{len(forgotten)} forgotten (noise)"),
    )


def class_gaps(
    names: Sequence[str], target: FloatArray, reference: FloatArray, title: str, caption: str
) -> Bars:
    """Return target minus reference accuracy of each class as sorted bars.

    Of more than ``MAX_CLASSES`` classes, those with the largest and those with the smallest gaps
    are drawn, half of each: the negative end shows how large gaps of pure noise are.

    Args:
        names: of the classes.
        target: float64 ``[classes]``, accuracies in [0, 1], none NaN.
        reference: float64 ``[classes]``, likewise.
        title: of the figure.
        caption: below it.
    """
    gaps = target - reference
    order = np.argsort(-gaps, kind="stable")
    first, last = order[0], order[-1]
    left_out, half = max(0, len(order) - MAX_CLASSES), MAX_CLASSES // 2
    if left_out:
        order = np.concatenate([order[:half], order[-half:]])
    return Bars(
        name="class-gaps",
        title=title,
        caption=caption,
        description=f"Bars: accuracy gap of {len(gaps)} classes, from {names[first]} with "
        f"{points(float(gaps[first]))} points to {names[last]} with "
        f"{points(float(gaps[last]))} points.",
        axis=Axis("accuracy gap (percentage points)", short_points),
        bars=[
            Bar(
                names[row],
                float(gaps[row]),
                text=points(float(gaps[row])),
                colour="target" if gaps[row] >= 0 else "reference",
            )
            for row in order
        ],
        gap=(half, f"… {left_out} classes between …") if left_out else None,
    )


def accuracy_by_epoch(table: Table) -> Lines:
    """Return the accuracies of both models over training, and below, the score with its band.

    Args:
        table: columns ``index`` (epochs), ``target_accuracy``, ``reference_accuracy``, ``score``,
            ``score_low`` and ``score_high``.
    """
    columns: Mapping[str, FloatArray] = {
        name: table[name].astype(np.float64)
        for name in (
            *("index", "target_accuracy", "reference_accuracy"),
            *("score", "score_low", "score_high"),
        )
    }
    epochs, score = columns["index"], columns["score"]
    low, high = columns["score_low"], columns["score_high"]
    best = int(np.argmax(score))
    axis = Axis("epoch of training", whole=True)
    gap = Lines(
        name="epochs-gap",
        title="",
        caption="",
        description="",
        x=axis,
        y=Axis("gap", short_percent),
        series=[Series("déjà vu", epochs, score, low, high, band=True, colour="ink")],
        levels=[Level(0, dash="solid")],
        legend="ends",
        height=130,
    )
    return Lines(
        name="epochs",
        title="Over the course of training",
        caption=f"On all images. The score is largest after epoch {count(epochs[best])}, with "
        f"{points(float(score[best]))} points (95% interval {points(float(low[best]))} to "
        f"{points(float(high[best]))}).",
        description=f"Line plots over {len(epochs)} epochs: the déjà vu score goes from "
        f"{points(float(score[0]))} to {points(float(score[-1]))} points.",
        x=axis,
        y=Axis("accuracy", short_percent, low=0),
        series=[
            Series("target", epochs, columns["target_accuracy"], colour="target"),
            Series("reference", epochs, columns["reference_accuracy"], colour="reference"),
        ],
        legend="ends",
        height=150,
        below=gap,
    )
