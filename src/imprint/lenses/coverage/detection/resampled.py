"""Intervals of the quality of detections, and of what it loses, by resampled images.

Objects of one image go together, so whole images are drawn; a drop takes the same images with and
without neurons. Where few images decide, intervals are widened, since a bootstrap repeats what
the sample holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.coverage.detection.found import (
    MATCHED_OVERLAP,
    METRICS,
    Found,
    Padded,
    Quality,
    best_overlaps,
)
from imprint.lenses.coverage.detection.matches import CategoryMatches, mean_average_precision
from imprint.stats.bootstrap import percentile_interval, resamples
from imprint.stats.estimate import Estimate
from imprint.stats.paired_difference import widen_rare_pairs
from imprint.stats.proportion import FEW_EVENTS, widen_rare_share

DRAWS = 1000
SAME = 1e-6
"""Up to which a measure of an image is the same with and without neurons."""


@dataclass(frozen=True, eq=False)
class ImageQuality:
    """What each image contributes to the quality of detections.

    Attributes:
        objects: float64 ``[n]``, how many there are.
        overlap: float64 ``[n]``, sum over them of the largest overlap.
        hits: float64 ``[n]``, how many are overlapped by at least one half.
        confidence: float64 ``[n]``, the largest score.
        matches: of each category.
    """

    objects: FloatArray
    overlap: FloatArray
    hits: FloatArray
    confidence: FloatArray
    matches: tuple[CategoryMatches, ...]

    def drawn(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Return each measure, ``[draws]``, of images that count ``weights [draws, n]`` times."""
        objects = weights @ self.objects
        blank = np.full(len(weights), np.nan)
        overlap, hits = (
            np.divide(weights @ each, objects, out=blank.copy(), where=objects > 0)
            for each in (self.overlap, self.hits)
        )
        confidence = weights @ self.confidence / weights.sum(axis=1)
        precision = mean_average_precision(self.matches, weights)
        return dict(zip(METRICS, (overlap, confidence, hits, precision), strict=True))

    def by_image(self) -> dict[str, FloatArray]:
        """Return the measures of single images that have objects, ``[n]`` each in [0, 1].

        In place of average precision, which no image has alone, stands the mean overlap: the one
        changes where the other does.
        """
        shown = self.objects > 0
        overlap, hits = (each[shown] / self.objects[shown] for each in (self.overlap, self.hits))
        return dict(zip(METRICS, (overlap, self.confidence, hits, overlap), strict=True))


def image_quality(
    found: Found, objects: Padded, threshold: float, matches: tuple[CategoryMatches, ...]
) -> ImageQuality:
    """Return what each image contributes, of the arguments of :func:`measure_quality`."""
    best = np.where(objects.present, best_overlaps(found, objects, threshold), 0.0)
    return ImageQuality(
        objects.present.sum(1).astype(np.float64),
        best.sum(1),
        ((best >= MATCHED_OVERLAP) & objects.present).sum(1).astype(np.float64),
        found.scores.max(1),
        matches,
    )


def quality_estimates(
    whole: ImageQuality,
    without: Sequence[ImageQuality],
    values: Sequence[Quality],
    random: np.random.Generator,
    draws: int = DRAWS,
) -> tuple[dict[str, Estimate], list[dict[str, Estimate]]]:
    """Return the quality of the whole detector, and its drop without each set of neurons.

    Args:
        whole: of the whole detector.
        without: without each set of neurons, on the same images.
        values: quality of the whole detector, then without each set.
        random: from :func:`imprint.core.seeds.generator`.
        draws: resamples, the same for all.
    """
    count = len(whole.objects)
    weights = np.concatenate([*resamples(random, count, draws)]).astype(np.float64)
    drawn = [each.drawn(weights) for each in (whole, *without)]
    single = [each.by_image() for each in (whole, *without)]
    quality, drops = {}, []
    for name in METRICS:
        value, own = getattr(values[0], name), drawn[0][name]
        if name == "mean_average_precision":
            own = _without_bias(own, value)
        quality[name] = Estimate(value, _share_interval(value, own, count), count)
    for row, lost in enumerate(values[1:], start=1):
        drops.append(_drops(values[0], lost, (drawn[0], drawn[row]), (single[0], single[row])))
    return quality, drops


def _drops(
    whole: Quality,
    lost: Quality,
    drawn: tuple[Mapping[str, FloatArray], Mapping[str, FloatArray]],
    single: tuple[Mapping[str, FloatArray], Mapping[str, FloatArray]],
) -> dict[str, Estimate]:
    count = len(single[0]["confidence"])
    drops = {}
    for name in METRICS:
        interval = _interval(drawn[0][name] - drawn[1][name], count)
        differences = single[0][name] - single[1][name]
        if min(int((np.abs(differences - end) > SAME).sum()) for end in (-1, 0, 1)) < FEW_EVENTS:
            interval = widen_rare_pairs(interval, differences)
        drops[name] = Estimate(getattr(whole, name) - getattr(lost, name), interval, count)
    return drops


def _without_bias(drawn: FloatArray, value: float) -> FloatArray:
    """Return draws moved by twice their bias: few objects give too high an average precision.

    The precision that is reached from a recall on is a maximum. In simulations intervals of 20 to
    100 images held the truth in 91 to 93 % so, in 88 % without.
    """
    return drawn - 2 * (float(np.nanmean(drawn)) - value)


def _share_interval(value: float, drawn: FloatArray, count: int) -> tuple[float, float]:
    """Return the interval of a mean of shares, as of so many examples as have its variance."""
    low, high = _interval(drawn, count)
    share = min(1.0, max(0.0, value))
    variance = float(np.nanvar(drawn))
    examples = share * (1 - share) / variance if variance > 0 else count
    low, high = widen_rare_share((low, high), share, examples)
    return max(0.0, low), min(1.0, high)


def _interval(drawn: FloatArray, count: int) -> tuple[float, float]:
    """Return the interval of draws that have a value: without objects there is none."""
    return percentile_interval(drawn[np.isfinite(drawn)], count=count)
