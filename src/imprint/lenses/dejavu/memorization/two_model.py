"""The two-model test: a model trained on the image against a reference model that was not.

Two encoders A and B are trained on disjoint annotated images. From the background crop of an
image of A, model A (the target) and model B (the reference) each guess the image's class by the
vote of the nearest public images. What both get right is correlation; what only the target gets
right is memorization, up to the noise that the reverse case measures.

    déjà vu(p) = accuracy of the target − accuracy of the reference, on the p % most confident

averaged over both directions (A on its images against B, B on its images against A). Each model
is cut by its own confidence, as published; ``paired_score`` compares both on the images the
target is most confident of, where it equals memorized − forgotten. At 100 % the two are one.

Meehan, Bordes, Vincent, Chaudhuri, Guo, "Do SSL models have déjà vu?", NeurIPS 2023, sections 3-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.dejavu.findings import ByPercent, MemorizationEstimates, Significance
from imprint.lenses.dejavu.memorization.outcomes import Outcomes, cut_quantities
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.stats.bootstrap import DRAWS, percentile_interval, resamples
from imprint.stats.cut import check_percents, cut_means, cut_size
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import mcnemar, widen_rare_difference, widen_rare_share

CATEGORIES = ("correlated", "memorized", "forgotten", "unassociated")
QUANTITIES = tuple(field.name for field in fields(MemorizationEstimates))
TOP_OF_SECOND_TEST = 5
"""Beside the chosen test, guesses are counted right among this many most voted classes."""


@dataclass(frozen=True)
class Side:
    """One direction of the test: one set of attacked images under both models.

    Attributes:
        name: e.g. ``"A"``, the set whose images are attacked.
        index: int64 ``[n]``, global indices.
        labels: int64 ``[n]``, true classes.
        target: votes of the model trained on these images.
        reference: votes of the model that was not.
    """

    name: str
    index: IntArray
    labels: IntArray
    target: ClassVotes
    reference: ClassVotes

    def __post_init__(self) -> None:
        lengths = {len(self.index), len(self.labels), len(self.target.ranked)}
        if lengths != {len(self.reference.ranked)}:
            raise ImprintError(
                f"side {self.name}: index, labels and both votes must have one row per image"
            )
        if len(self.index) == 0:
            raise ImprintError(
                f"no image of side {self.name} can be attacked: none has a usable background crop; "
                "lower the least crop side or choose another crop rule"
            )


def categories(side: Side, top: int = 1) -> BoolArray:
    """Return the category of each image, bool ``[n, 4]`` in the order of ``CATEGORIES``.

    Exactly one column is true in every row.
    """
    target = side.target.hits(side.labels, top)
    reference = side.reference.hits(side.labels, top)
    return np.stack(
        [target & reference, target & ~reference, ~target & reference, ~target & ~reference],
        axis=1,
    )


def outcomes_of(side: Side, top: int = 1) -> Outcomes:
    """Return what came of each image of a side."""
    return Outcomes(
        side.name,
        side.index,
        categories(side, top),
        side.target.confidence,
        side.reference.confidence,
    )


def two_model(
    sides: Sequence[Side],
    confidences: Sequence[float] = (100, 20),
    top: int = 1,
    seed: int = 0,
    draws: int = DRAWS,
) -> ByPercent:
    """Return the two-model test at each percentage of most confident images.

    Args:
        sides: the directions, usually two; each counts the same.
        confidences: percentages p in (0, 100].
        top: a guess is right when the label is among this many most voted classes.
        seed: of the bootstrap.
        draws: bootstrap resamples (images within each side).

    Intervals are over images, with models and public images as they are: of other images of the
    same kind. Where a handful of images decides, they are wider than resampling says
    (:func:`imprint.stats.proportion.widen_rare_share`).

    Raises:
        ImprintError: no percentage, or one outside (0, 100].
    """
    check_percents(confidences)
    exact = np.mean([_side_values(side, confidences, top, None)[:, 0] for side in sides], axis=0)
    drawn = np.mean([_bootstrap(side, confidences, top, seed, draws) for side in sides], axis=0)
    fewest = min(len(side.index) for side in sides)
    by_percent = {}
    for row, percent in enumerate(confidences):
        sizes = [cut_size(len(side.index), percent) for side in sides]
        values = dict(zip(QUANTITIES, exact[row].tolist(), strict=True))
        resampled = [percentile_interval(draws, count=fewest) for draws in drawn[row].T]
        intervals = widened(values, dict(zip(QUANTITIES, resampled, strict=True)), sizes)
        by_percent[f"{percent:g}"] = MemorizationEstimates(
            **{name: Estimate(values[name], intervals[name], sum(sizes)) for name in QUANTITIES}
        )
        if percent == 100:
            gap = exact[row, 0] - (exact[row, 4] - exact[row, 5])
            if abs(gap) > 1e-12:
                raise AssertionError(f"score differs from memorized − forgotten by {gap}")
    return by_percent


def widened(
    values: Mapping[str, float], intervals: Mapping[str, tuple[float, float]], sizes: Sequence[int]
) -> dict[str, tuple[float, float]]:
    """Return the intervals of one percentage, wide enough where few images decide.

    Args:
        values: by quantity, means over sides.
        intervals: of the bootstrap.
        sizes: images of each side.
    """
    count = len(sizes) ** 2 / sum(1 / size for size in sizes)
    pairs = {"score": ("target_accuracy", "reference_accuracy")}
    pairs["paired_score"] = ("memorized", "forgotten")
    if abs(values["score"] - values["paired_score"]) < 1e-12:
        pairs["score"] = pairs["paired_score"]
    widened = {}
    for name, interval in intervals.items():
        if name in pairs:
            first, second = (values[part] for part in pairs[name])
            widened[name] = widen_rare_difference(interval, first, second, (count, count))
        else:
            share = min(1.0, max(0.0, values[name]))
            widened[name] = widen_rare_share(interval, share, count)
    return widened


def top5_test(
    sides: Sequence[Side], classes: int, confidences: Sequence[float], top: int, seed: int
) -> ByPercent | None:
    """Return the test with five classes counted as right, None where it is pointless or chosen."""
    if classes <= TOP_OF_SECOND_TEST or top != 1:
        return None
    return two_model(sides, confidences, TOP_OF_SECOND_TEST, seed)


def significance(sides: Sequence[Side], top: int = 1) -> Significance:
    """Return McNemar's exact test of memorized against forgotten images, all sides together."""
    counts = np.sum([categories(side, top).sum(axis=0) for side in sides], axis=0)
    memorized, forgotten = int(counts[1]), int(counts[2])
    return Significance(memorized, forgotten, mcnemar(memorized, forgotten))


def records(sides: Sequence[Side], top: int) -> dict[str, NDArray[Any]]:
    """Return the outcome of every image, one row each, side after side, by column."""

    def column(of_side: Callable[[Side], NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate([of_side(side) for side in sides])

    return {
        "label": column(lambda side: side.labels),
        "category": column(lambda side: categories(side, top).argmax(axis=1)),
        "target_prediction": column(lambda side: side.target.ranked[:, 0]),
        "target_confidence": column(lambda side: side.target.confidence),
        "reference_prediction": column(lambda side: side.reference.ranked[:, 0]),
        "reference_confidence": column(lambda side: side.reference.confidence),
        "memorization": column(memorization_strength),
    }


def accuracy_curve(
    votes: ClassVotes, labels: IntArray, percents: FloatArray, top: int = 1
) -> FloatArray:
    """Return the accuracy on the most confident p % for each p of ``percents``."""
    hits = votes.hits(labels, top)[:, None].astype(np.float64)
    return np.array([cut_means(hits, votes.confidence, p)[0, 0] for p in percents])


def per_class(sides: Sequence[Side], classes: int, top: int = 1) -> dict[str, NDArray[np.float64]]:
    """Return accuracies by class over all sides, arrays ``[classes]``; NaN without images.

    Keys: ``n``, ``target_accuracy``, ``reference_accuracy``, ``gap``, and
    ``confidence_gap``, the mean of target minus reference confidence over memorized images.
    """
    labels = np.concatenate([side.labels for side in sides])
    kinds = np.concatenate([categories(side, top) for side in sides])
    gaps = np.concatenate([memorization_strength(side) for side in sides])
    count = np.bincount(labels, minlength=classes)
    share = {
        name: _divide(np.bincount(labels, kinds[:, column], classes), count)
        for column, name in enumerate(CATEGORIES)
    }
    target = share["correlated"] + share["memorized"]
    reference = share["correlated"] + share["forgotten"]
    memorized = kinds[:, 1].astype(np.float64)
    return {
        "n": count.astype(np.float64),
        "target_accuracy": target,
        "reference_accuracy": reference,
        "gap": target - reference,
        "confidence_gap": _divide(
            np.bincount(labels, memorized * gaps, classes), np.bincount(labels, memorized, classes)
        ),
    }


def memorization_strength(side: Side) -> FloatArray:
    """Return target minus reference confidence of each image in nats, ``[n]``."""
    return side.target.confidence - side.reference.confidence


def _side_values(
    side: Side, confidences: Sequence[float], top: int, weights: NDArray[np.int64] | None
) -> FloatArray:
    """Return the quantities of one side, ``[percentages, draws, quantities]``."""
    return cut_quantities(outcomes_of(side, top), confidences, weights)


def _bootstrap(
    side: Side, confidences: Sequence[float], top: int, seed: int, draws: int
) -> FloatArray:
    """Return the quantities of resampled images, ``[percentages, draws, quantities]``."""
    random = generator(seed, "dejavu bootstrap", side.name)
    chunks = [
        _side_values(side, confidences, top, weights)
        for weights in resamples(random, len(side.index), draws)
    ]
    return np.concatenate(chunks, axis=1)


def _divide(over: NDArray[Any], under: NDArray[Any]) -> FloatArray:
    empty = np.full(np.shape(over), np.nan)
    return np.asarray(np.divide(over, under, out=empty, where=np.asarray(under) > 0))
