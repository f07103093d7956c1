"""What is claimed of single images: which are memorized, how strongly, which are explained."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import MemorizationStrength, StrengthHistogram
from imprint.lenses.dejavu.memorization.two_model import (
    CATEGORIES,
    Side,
    categories,
    memorization_strength,
)

PUBLISHED_BINS = 12
UNRANKED = -1


def strength_of_memorized(side: Side, top: int = 1) -> MemorizationStrength | Missing:
    """Return mean and histograms of the confidence gap over memorized images."""
    values = memorization_strength(side)[categories(side, top)[:, CATEGORIES.index("memorized")]]
    if not len(values):
        return Missing("no image is memorized")
    return MemorizationStrength(
        n=len(values),
        mean=float(values.mean()),
        published=_histogram(values, np.histogram_bin_edges(values, PUBLISHED_BINS)),
        bins=_histogram(values, _freedman_diaconis(values)),
    )


def _freedman_diaconis(values: FloatArray) -> FloatArray:
    """Return edges of bins 2 IQR / n^⅓ wide.

    Values that nearly all agree would give millions of bins (five values, four within 1e-9, took
    4 GB), so there are never more bins than values.
    """
    low, high = np.quantile(values, (0.25, 0.75))
    width = 2 * (high - low) / len(values) ** (1 / 3)
    count = np.ceil(np.ptp(values) / width) if width > 0 else 1
    return np.histogram_bin_edges(values, int(np.clip(count, 1, max(len(values), PUBLISHED_BINS))))


def rank_claims(side: Side, top: int = 1, excluded: BoolArray | None = None) -> IntArray:
    """Return the place of every image in the list of memorized ones, int64 ``[n]``.

    Memorized images by strength, the strongest 0; equal strengths by index. −1 for all others, and
    for those that are ``excluded``: explained by other references, so nothing is claimed of them.
    The population's score keeps them: leaving out images that some reference gets right would
    remove forgotten images and keep memorized ones.

    Args:
        side: the model against a reference.
        top: as in the test.
        excluded: bool ``[n]``.
    """
    claimed = categories(side, top)[:, CATEGORIES.index("memorized")]
    if excluded is not None:
        claimed = claimed & ~excluded
    rows = np.flatnonzero(claimed)
    order = np.lexsort((side.index[rows], -memorization_strength(side)[rows]))
    places = np.full(len(side.index), UNRANKED, dtype=np.int64)
    places[rows[order]] = np.arange(len(rows))
    return places


def _histogram(values: FloatArray, edges: FloatArray) -> StrengthHistogram:
    counts, _ = np.histogram(values, edges)
    return StrengthHistogram(tuple(edges.tolist()), tuple(counts.tolist()))
